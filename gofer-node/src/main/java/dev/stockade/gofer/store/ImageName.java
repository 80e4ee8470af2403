package dev.stockade.gofer.store;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/** The names that images may have: what container registries allow, tag included, so that any of theirs will do. */
final class ImageName {
    private static final int MAX_LENGTH = 200;
    private static final Pattern VALID =
            Pattern.compile("[A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*" + "(?:[:/@][A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*)*");

    private ImageName() {}

    static void check(String name) throws ImageException {
        if (name.length() > MAX_LENGTH || !VALID.matcher(name).matches()) {
            throw new ImageException(
                    "an image's name is made of letters, digits and, between them, \". _ - / : @\", at most "
                            + MAX_LENGTH + " in all");
        }
    }

    /** A name that may be anything, as it may stand in a message. */
    static String printable(String name) {
        return VALID.matcher(name).matches() && name.length() <= MAX_LENGTH ? name : "of that name";
    }

    /** As one file name: '/', ':' and '@' become percent escapes. */
    static String fileName(String valid) {
        return URLEncoder.encode(valid, StandardCharsets.US_ASCII);
    }
}
