package dev.stockade.cli.fleet;

/** The processes of a local fleet, in the order in which they start; they end in the opposite one. */
public enum PartName {
    KAFKA("kafka"),
    CONTROL_PLANE("control-plane"),
    GOFER("gofer-node"),
    SENTRY("sentry-node");

    private final String label;

    PartName(String label) {
        this.label = label;
    }

    public String label() {
        return label;
    }

    static PartName ofLabel(String label) {
        for (PartName part : values()) {
            if (part.label.equals(label)) {
                return part;
            }
        }
        throw new IllegalArgumentException("no such part: " + label);
    }
}
