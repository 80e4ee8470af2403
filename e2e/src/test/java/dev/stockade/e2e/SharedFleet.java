package dev.stockade.e2e;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/** Gives tests the one fleet that all share who leave it as they find it; it starts with the first of them. */
final class SharedFleet implements BeforeAllCallback, ParameterResolver {
    private static final ExtensionContext.Namespace NAMESPACE = ExtensionContext.Namespace.create(SharedFleet.class);

    static void assumeKvm() {
        Path kvm = Path.of("/dev/kvm");
        assumeTrue(
                Files.isReadable(kvm) && Files.isWritable(kvm),
                "no usable /dev/kvm here: the fleet cannot run sandboxes");
    }

    @Override
    public void beforeAll(ExtensionContext context) {
        assumeKvm();
        fleet(context);
    }

    private static Fleet fleet(ExtensionContext context) {
        // The root store closes it when all tests have run.
        return context.getRoot()
                .getStore(NAMESPACE)
                .computeIfAbsent(
                        Fleet.class,
                        key -> {
                            try {
                                Fleet fleet = new Fleet();
                                try {
                                    return fleet.up();
                                } catch (AssertionError e) {
                                    fleet.close();
                                    throw e;
                                }
                            } catch (java.io.IOException | InterruptedException e) {
                                throw new IllegalStateException(e);
                            }
                        },
                        Fleet.class);
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        return parameter.getParameter().getType() == Fleet.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        return fleet(context);
    }
}
