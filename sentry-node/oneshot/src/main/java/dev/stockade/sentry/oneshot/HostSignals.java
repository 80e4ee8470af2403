package dev.stockade.sentry.oneshot;

import java.lang.reflect.Proxy;

/**
 * Signals that come to this process. Java gets them through jdk.unsupported's sun.misc.Signal only; reached by
 * reflection, because naming it is a warning that no option turns off.
 */
final class HostSignals {
    private HostSignals() {}

    /** From now on {@code action} runs, on a thread of its own, in place of what the signal does by default. */
    static void handle(String name, Runnable action) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> handler = Class.forName("sun.misc.SignalHandler");
            Object proxy = Proxy.newProxyInstance(
                    HostSignals.class.getClassLoader(), new Class<?>[] {handler}, (self, method, arguments) -> {
                        return switch (method.getName()) {
                            case "handle" -> {
                                action.run();
                                yield null;
                            }
                            case "hashCode" -> System.identityHashCode(self);
                            case "equals" -> self == arguments[0];
                            default -> "handler of SIG" + name;
                        };
                    });
            signal.getMethod("handle", signal, handler)
                    .invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("SIG" + name + " can't be handled", e);
        }
    }
}
