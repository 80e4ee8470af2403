package dev.stockade.cli.terminal;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.function.IntConsumer;

/**
 * Signals that come to this process, by number. Only jdk.unsupported's sun.misc.Signal gives them to Java code; it is
 * reached by reflection, because naming it is a compiler warning that nothing turns off.
 */
public final class Signals {
    public static final int SIGHUP = 1;
    public static final int SIGINT = 2;
    public static final int SIGPIPE = 13;
    public static final int SIGTERM = 15;

    private Signals() {}

    /** From now on the handler gets SIGINT, SIGTERM and SIGHUP, each on a thread of its own. */
    public static void onEnd(IntConsumer handler) {
        List.of("INT", "TERM", "HUP").forEach(name -> handle(name, handler));
    }

    /** The handler runs each time the terminal's size changes. */
    public static void onResize(Runnable handler) {
        handle("WINCH", number -> handler.run());
    }

    private static void handle(String name, IntConsumer handler) {
        try {
            Class<?> signal = Class.forName("sun.misc.Signal");
            Class<?> signalHandler = Class.forName("sun.misc.SignalHandler");
            Method number = signal.getMethod("getNumber");
            Object proxy = Proxy.newProxyInstance(
                    Signals.class.getClassLoader(), new Class<?>[] {signalHandler}, (self, method, arguments) -> {
                        switch (method.getName()) {
                            case "handle" -> {
                                if (number.invoke(arguments[0]) instanceof Integer value) {
                                    handler.accept(value);
                                }
                                return null;
                            }
                            case "hashCode" -> {
                                return System.identityHashCode(self);
                            }
                            case "equals" -> {
                                return self == arguments[0];
                            }
                            default -> {
                                return "handler of SIG" + name;
                            }
                        }
                    });
            signal.getMethod("handle", signal, signalHandler)
                    .invoke(null, signal.getConstructor(String.class).newInstance(name), proxy);
        } catch (InvocationTargetException e) {
            return; // the JVM was told to leave signals alone (-Xrs)
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("this JDK has no sun.misc.Signal", e);
        }
    }
}
