package dev.stockade.control.lifecycle;

import dev.stockade.control.domain.Execution;
import dev.stockade.control.domain.Sandbox;
import dev.stockade.control.storage.SandboxStore;
import jakarta.enterprise.context.ApplicationScoped;

/** Finds a sandbox of a tenant by its id or name. */
@ApplicationScoped
public class FindSandbox {
    private final SandboxStore sandboxes;

    FindSandbox(SandboxStore sandboxes) {
        this.sandboxes = sandboxes;
    }

    public Sandbox find(String tenant, String idOrName) {
        return sandboxes.find(tenant, idOrName).orElseThrow(() -> new NotFoundException("sandbox", idOrName, tenant));
    }

    public Execution execution(Sandbox sandbox, String executionId) {
        return sandboxes
                .execution(sandbox.id(), executionId)
                .orElseThrow(() -> new NotFoundException("execution", executionId, sandbox.tenant()));
    }
}
