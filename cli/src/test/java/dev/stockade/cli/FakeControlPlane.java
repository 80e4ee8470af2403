package dev.stockade.cli;

import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;

/** The HTTP and WebSocket side of a control plane, played by a test: RFC 9112 and RFC 6455 as far as the command needs. */
public final class FakeControlPlane implements AutoCloseable {
    /** An HTTP request, with its body read. */
    public record Request(String method, String path, Map<String, String> headers, byte[] body) {
        public String text() {
            return new String(body, StandardCharsets.UTF_8);
        }
    }

    /** What a test answers. */
    public record Answer(int status, String type, byte[] body) {
        public static Answer json(int status, String body) {
            return new Answer(status, "application/json", body.getBytes(StandardCharsets.UTF_8));
        }

        public static Answer problem(int status, String detail) {
            String body = "{\"status\":" + status + ",\"detail\":\"" + detail + "\"}";
            return new Answer(status, "application/problem+json", body.getBytes(StandardCharsets.UTF_8));
        }
    }

    /** One side of an open WebSocket. */
    public static final class Stream {
        private final DataInputStream in;
        private final OutputStream out;

        private Stream(InputStream in, OutputStream out) {
            this.in = new DataInputStream(in);
            this.out = out;
        }

        public void send(int channel, String text) throws IOException {
            send(channel, text.getBytes(StandardCharsets.UTF_8));
        }

        public void send(int channel, byte[] data) throws IOException {
            byte[] message = new byte[data.length + 1];
            message[0] = (byte) channel;
            System.arraycopy(data, 0, message, 1, data.length);
            frame(0x82, message); // FIN, binary
        }

        /** One message in two frames. */
        public void sendFragmented(int channel, String first, String second) throws IOException {
            frame(0x02, (((char) channel) + first).getBytes(StandardCharsets.UTF_8));
            frame(0x80, second.getBytes(StandardCharsets.UTF_8));
        }

        private void frame(int head, byte[] payload) throws IOException {
            ByteArrayOutputStream frame = new ByteArrayOutputStream();
            frame.write(head);
            if (payload.length < 126) {
                frame.write(payload.length);
            } else if (payload.length < 65536) {
                frame.write(126);
                frame.write(payload.length >>> 8);
                frame.write(payload.length);
            } else {
                frame.write(127);
                for (int shift = 56; shift >= 0; shift -= 8) {
                    frame.write((int) ((long) payload.length >>> shift));
                }
            }
            frame.writeBytes(payload);
            out.write(frame.toByteArray());
            out.flush();
        }

        /** The next message of the client, channel byte first; empty when it closed. */
        public byte[] receive() throws IOException {
            ByteArrayOutputStream message = new ByteArrayOutputStream();
            while (true) {
                int head = in.read();
                if (head < 0 || (head & 0x0f) == 0x8) {
                    return new byte[0];
                }
                int lengthByte = in.readUnsignedByte() & 0x7f;
                long length =
                        lengthByte == 126 ? in.readUnsignedShort() : lengthByte == 127 ? in.readLong() : lengthByte;
                byte[] mask = new byte[4];
                in.readFully(mask);
                byte[] payload = new byte[(int) length];
                in.readFully(payload);
                for (int i = 0; i < payload.length; i++) {
                    payload[i] ^= mask[i % 4];
                }
                message.writeBytes(payload);
                if ((head & 0x80) != 0) {
                    return message.toByteArray();
                }
            }
        }
    }

    /** What a test does with the stream of an execution; the server closes it when this returns. */
    public interface Player {
        void play(Stream stream) throws IOException, InterruptedException;
    }

    public final List<Request> requests = new CopyOnWriteArrayList<>();
    private final Map<String, Answer> answers = new ConcurrentHashMap<>();
    private final ServerSocket server;
    private volatile Player player = stream -> {};

    public FakeControlPlane() throws IOException {
        server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
        Thread.ofPlatform().daemon().name("fake-control-plane").start(this::serve);
    }

    public String url() {
        return "http://127.0.0.1:" + server.getLocalPort();
    }

    public FakeControlPlane answering(String methodAndPath, Answer answer) {
        answers.put(methodAndPath, answer);
        return this;
    }

    /** A sandbox can be made and its main execution is played so. */
    public FakeControlPlane playing(Player main) {
        player = main;
        return answering(
                "POST /v1/sandboxes", Answer.json(201, "{\"id\":\"0123456789abcdef\",\"state\":\"SCHEDULED\"}"));
    }

    private void serve() {
        while (!server.isClosed()) {
            try {
                Socket socket = server.accept();
                Thread.ofPlatform().daemon().start(() -> converse(socket));
            } catch (IOException e) {
                return;
            }
        }
    }

    private void converse(Socket socket) {
        try (socket) {
            InputStream in = socket.getInputStream();
            OutputStream out = socket.getOutputStream();
            while (true) {
                Request request = read(in);
                if (request == null) {
                    return;
                }
                requests.add(request);
                String key = request.headers().get("sec-websocket-key");
                if (key != null) {
                    out.write(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                    + "Sec-WebSocket-Accept: " + accept(key) + "\r\n\r\n")
                            .getBytes(StandardCharsets.ISO_8859_1));
                    out.flush();
                    player.play(new Stream(in, out));
                    // As a server does: a close frame, and no reset while the client still sends.
                    out.write(new byte[] {(byte) 0x88, 0});
                    out.flush();
                    in.transferTo(OutputStream.nullOutputStream());
                    return;
                }
                String path = request.path().replaceAll("\\?.*", "");
                Answer answer =
                        answers.getOrDefault(request.method() + " " + path, Answer.problem(404, "nothing at " + path));
                String head = "HTTP/1.1 " + answer.status() + " X\r\n";
                if (answer.status() != 204) {
                    head += "Content-Type: " + answer.type() + "\r\nContent-Length: " + answer.body().length + "\r\n";
                }
                out.write((head + "\r\n").getBytes(StandardCharsets.ISO_8859_1));
                out.write(answer.body());
                out.flush();
            }
        } catch (IOException | InterruptedException e) {
            return; // the client has gone
        }
    }

    private static Request read(InputStream in) throws IOException {
        String first = line(in);
        if (first.isEmpty()) {
            return null;
        }
        Map<String, String> headers = new HashMap<>();
        String header;
        while (!(header = line(in)).isEmpty()) {
            int colon = header.indexOf(':');
            headers.put(
                    header.substring(0, colon).toLowerCase(Locale.ROOT),
                    header.substring(colon + 1).strip());
        }
        byte[] body;
        if ("chunked".equals(headers.get("transfer-encoding"))) {
            ByteArrayOutputStream all = new ByteArrayOutputStream();
            int size;
            while ((size = Integer.parseInt(line(in), 16)) > 0) {
                all.writeBytes(in.readNBytes(size));
                line(in);
            }
            line(in);
            body = all.toByteArray();
        } else {
            body = in.readNBytes(Integer.parseInt(headers.getOrDefault("content-length", "0")));
        }
        String[] words = first.split(" ");
        return new Request(words[0], words[1], headers, body);
    }

    private static String line(InputStream in) throws IOException {
        StringBuilder line = new StringBuilder();
        int next;
        while ((next = in.read()) >= 0 && next != '\n') {
            if (next != '\r') {
                line.append((char) next);
            }
        }
        return line.toString();
    }

    private static String accept(String key) {
        try {
            byte[] hash = MessageDigest.getInstance("SHA-1")
                    .digest((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").getBytes(StandardCharsets.ISO_8859_1));
            return Base64.getEncoder().encodeToString(hash);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
