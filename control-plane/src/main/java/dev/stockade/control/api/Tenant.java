package dev.stockade.control.api;

import dev.stockade.control.lifecycle.InvalidRequestException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Whose request it is. The caller says so itself for now: this keeps tenants' sandboxes apart in lists, it protects
 * nobody. Authentication comes later.
 */
public final class Tenant {
    public static final String HEADER = "Stockade-Tenant";
    public static final String DEFAULT = "default";
    private static final Pattern NAME = Pattern.compile("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");

    private Tenant() {}

    public static String of(@Nullable String header) {
        String name = header == null ? DEFAULT : header;
        if (!NAME.matcher(name).matches()) {
            throw new InvalidRequestException(
                    HEADER, "a tenant's name has 1 to 63 of a-z, 0-9 and -, with no - at either end");
        }
        return name;
    }
}
