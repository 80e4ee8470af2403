package dev.stockade.sentry.server.sandbox;

import com.google.protobuf.ByteString;
import dev.stockade.proto.sentry.v1.ExitStatus;
import dev.stockade.proto.sentry.v1.StreamError;

/**
 * A client that is connected to an execution's standard streams. Called with the execution's lock held, so one call at
 * a time and in order: must not block.
 */
public interface Attachment {
    /** Whether output may be sent without buffering it; when that becomes true again, {@link Execution#attachmentReady}. */
    boolean isReady();

    void started(int pid);

    void output(boolean stderr, ByteString data);

    /** The queue of standard input has room again. */
    void stdinDrained();

    /** The last call. */
    void exited(ExitStatus status);

    /** The last call: the command did not run. */
    void failed(StreamError error);

    /** The last call: the client is cut off although the execution goes on. */
    void disconnected(String reason);
}
