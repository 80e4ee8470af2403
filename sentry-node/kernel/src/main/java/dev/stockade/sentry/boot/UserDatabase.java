package dev.stockade.sentry.boot;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * The users and groups of an image: passwd(5) and group(5). Lines that make no sense are passed over, as the C library
 * does.
 */
public final class UserDatabase {
    private record User(String name, int uid, int gid, String home) {}

    private record Group(String name, int gid, List<String> members) {}

    private final List<User> users = new ArrayList<>();
    private final List<Group> groups = new ArrayList<>();

    /**
     * @param passwd contents of /etc/passwd, empty if there is none
     * @param group contents of /etc/group, empty if there is none
     */
    public UserDatabase(String passwd, String group) {
        for (String line : passwd.lines().toList()) {
            String[] f = line.split(":", -1);
            Integer uid = f.length >= 6 ? number(f[2]) : null;
            Integer gid = f.length >= 6 ? number(f[3]) : null;
            if (uid != null && gid != null) {
                users.add(new User(f[0], uid, gid, f[5]));
            }
        }
        for (String line : group.lines().toList()) {
            String[] f = line.split(":", -1);
            Integer gid = f.length >= 4 ? number(f[2]) : null;
            if (gid != null) {
                groups.add(new Group(f[0], gid, List.of(f[3].split(","))));
            }
        }
    }

    private static @Nullable Integer number(String s) {
        try {
            // ids are unsigned 32-bit numbers; the last one means "no change" (chown(2))
            long n = Long.parseLong(s);
            return n < 0 || n >= 0xffffffffL ? null : Integer.valueOf((int) n);
        } catch (NumberFormatException e) {
            return null;
        }
    }

    /**
     * Resolves {@code user}, {@code uid}, {@code user:group} and the like; names before numbers. Without a group it is
     * the user's own, and the supplementary groups are those that name the user.
     *
     * @param spec empty for root
     * @throws LaunchRefusal if a name is unknown
     */
    public GuestUser resolve(String spec) throws LaunchRefusal {
        int colon = spec.indexOf(':');
        String userPart = colon < 0 ? spec : spec.substring(0, colon);
        String groupPart = colon < 0 ? "" : spec.substring(colon + 1);
        if (userPart.isEmpty()) {
            userPart = "0";
        }
        String name = userPart;
        Integer number = number(userPart);
        User user = findUser(u -> u.name.equals(name));
        if (user == null && number != null) {
            user = findUser(u -> u.uid == number);
        }
        if (user == null) {
            if (number == null) {
                throw new LaunchRefusal(0, "unable to find user " + userPart + ": no matching entry in /etc/passwd");
            }
            user = new User("", number, 0, "/");
        }
        int gid = user.gid;
        int[] supplementary = new int[0];
        if (!groupPart.isEmpty()) {
            gid = resolveGroup(groupPart);
        } else if (!user.name.isEmpty()) {
            String member = user.name;
            int primary = gid;
            supplementary = groups.stream()
                    .filter(g -> g.members.contains(member) && g.gid != primary)
                    .mapToInt(g -> g.gid)
                    .distinct()
                    .toArray();
        }
        return new GuestUser(user.uid, gid, supplementary, user.home.isEmpty() ? "/" : user.home);
    }

    private int resolveGroup(String part) throws LaunchRefusal {
        for (Group g : groups) {
            if (g.name.equals(part)) {
                return g.gid;
            }
        }
        Integer number = number(part);
        if (number == null) {
            throw new LaunchRefusal(0, "unable to find group " + part + ": no matching entry in /etc/group");
        }
        return number;
    }

    private @Nullable User findUser(Predicate<User> p) {
        for (User u : users) {
            if (p.test(u)) {
                return u;
            }
        }
        return null;
    }
}
