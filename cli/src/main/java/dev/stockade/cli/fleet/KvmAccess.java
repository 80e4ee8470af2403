package dev.stockade.cli.fleet;

import dev.stockade.cli.CliException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;
import java.nio.file.attribute.PosixFilePermissions;

/** Says in one line why /dev/kvm can't be used, if so. */
public final class KvmAccess {
    private KvmAccess() {}

    public static void require() {
        require(Path.of("/dev/kvm"));
    }

    static void require(Path device) {
        if (!Files.exists(device)) {
            throw new CliException(device + " is missing: load kvm_intel, kvm_amd or kvm_pvm (modprobe), turn on"
                    + " virtualisation in the firmware, or give this container the device");
        }
        if (Files.isReadable(device) && Files.isWritable(device)) {
            return;
        }
        String user = System.getProperty("user.name");
        try {
            PosixFileAttributes attributes = Files.readAttributes(device, PosixFileAttributes.class);
            String group = attributes.group().getName();
            String advice = group.equals("root")
                    ? "ask an administrator to give it to the group kvm (chgrp kvm " + device + "; chmod 660 " + device
                            + ") and you to that group"
                    : "join the group " + group + " (sudo usermod -aG " + group + " " + user + "), then log in again";
            throw new CliException(device + " may not be opened by " + user + " (owner "
                    + attributes.owner().getName() + ", group " + group + ", mode "
                    + PosixFilePermissions.toString(attributes.permissions()) + "): " + advice);
        } catch (IOException e) {
            throw new CliException(device + " may not be opened by " + user, e);
        }
    }
}
