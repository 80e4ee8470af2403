package dev.stockade.sentry.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class UserDatabaseTest {
    private final UserDatabase users = new UserDatabase("""
            root:x:0:0:root:/root:/bin/sh
            # a comment
            broken:x:zero
            www:x:33:33::/var/www:/bin/false
            app:x:1000:1001::/home/app:/bin/sh
            """, """
            root:x:0:
            www:x:33:
            audio:x:29:app,other
            app:x:1001:app
            disk:x:6:app
            """);

    @Test
    void shouldDefaultToRoot() throws Exception {
        GuestUser u = users.resolve("");
        assertThat(u.uid()).isZero();
        assertThat(u.gid()).isZero();
        assertThat(u.home()).isEqualTo("/root");
    }

    @Test
    void shouldLookUpNamesWithTheirGroups() throws Exception {
        GuestUser u = users.resolve("app");
        assertThat(u.uid()).isEqualTo(1000);
        assertThat(u.gid()).isEqualTo(1001);
        assertThat(u.groups()).containsExactly(29, 6);
        assertThat(u.home()).isEqualTo("/home/app");
    }

    @Test
    void shouldTakeNumbersThatNobodyHas() throws Exception {
        GuestUser u = users.resolve("4000");
        assertThat(u.uid()).isEqualTo(4000);
        assertThat(u.gid()).isZero();
        assertThat(u.home()).isEqualTo("/");
        assertThat(users.resolve("4000:50").gid()).isEqualTo(50);
    }

    @Test
    void shouldTakeAGroupInPlaceOfTheUsersOwn() throws Exception {
        GuestUser u = users.resolve("1000:audio");
        assertThat(u.gid()).isEqualTo(29);
        assertThat(u.groups()).isEmpty();
        assertThat(u.home()).isEqualTo("/home/app");
    }

    @Test
    void shouldRefuseUnknownNames() {
        assertThatThrownBy(() -> users.resolve("nobody")).hasMessageContaining("unable to find user nobody");
        assertThatThrownBy(() -> users.resolve("app:none")).hasMessageContaining("unable to find group none");
        assertThatThrownBy(() -> users.resolve("-1")).hasMessageContaining("unable to find user -1");
        assertThatThrownBy(() -> users.resolve("4294967295")).hasMessageContaining("unable to find user");
    }
}
