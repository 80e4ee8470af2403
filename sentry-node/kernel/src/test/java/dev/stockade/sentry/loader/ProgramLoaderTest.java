package dev.stockade.sentry.loader;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

import dev.stockade.sentry.abi.AuxVector;
import dev.stockade.sentry.abi.Elf;
import dev.stockade.sentry.abi.Errno;
import dev.stockade.sentry.abi.ErrnoException;
import dev.stockade.sentry.abi.OpenFlags;
import dev.stockade.sentry.auth.Credentials;
import dev.stockade.sentry.auth.UserNamespace;
import dev.stockade.sentry.memory.FrameAllocator;
import dev.stockade.sentry.mm.AddressSpaces;
import dev.stockade.sentry.mm.FaultResult;
import dev.stockade.sentry.mm.MappingInfo;
import dev.stockade.sentry.mm.MemoryFile;
import dev.stockade.sentry.mm.MemoryLimits;
import dev.stockade.sentry.mm.MemoryManager;
import dev.stockade.sentry.platform.FakeMachine;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ProgramLoaderTest {
    private static final int RX = Elf.PF_R | Elf.PF_X;
    private static final int RW = Elf.PF_R | Elf.PF_W;

    private final FakeMachine machine = new FakeMachine(32 << 20, 1L << 32);
    private final FrameAllocator frames = new FrameAllocator(machine.memory(), 24 << 20);
    private final AddressSpaces spaces = new AddressSpaces(machine, frames, new Random(7));
    private final Map<String, MemoryFile> files = new HashMap<>();
    private boolean randomize = true;
    private MemoryLimits limits = MemoryLimits.DEFAULT;

    @AfterEach
    void shouldLeakNothing() throws ErrnoException {
        for (MemoryFile f : files.values()) {
            assertThat(f.mappings()).isZero();
            assertThat(f.listeners()).isZero();
            f.dropCache();
            f.decRef();
            assertThat(f.isReleased()).isTrue();
        }
        // A reclaimer gives the page tables of dead address spaces back when memory runs out.
        List<Long> all = new ArrayList<>();
        while (all.size() < frames.limitBytes() / 4096) {
            all.add(frames.allocate());
        }
        all.forEach(frames::decRef);
        assertThat(frames.usedBytes()).isZero();
    }

    private MemoryFile file(String path, byte[] contents) {
        MemoryFile f = new MemoryFile(frames, contents, OpenFlags.O_RDONLY);
        files.put(path, f);
        return f;
    }

    private static byte[] bytes(String s) {
        return s.getBytes(StandardCharsets.ISO_8859_1);
    }

    private LoadedProgram load(String path, List<String> arguments, List<String> environment) throws ErrnoException {
        return ProgramLoader.load(new LoadRequest(
                spaces,
                files.get(path),
                bytes(path),
                arguments.stream().map(ProgramLoaderTest::bytes).toList(),
                environment.stream().map(ProgramLoaderTest::bytes).toList(),
                Credentials.user(1000, 100, new int[0], new UserNamespace(null)),
                false,
                randomize,
                limits,
                name -> {
                    MemoryFile f = files.get(new String(name, StandardCharsets.ISO_8859_1));
                    if (f == null) {
                        throw Errno.ENOENT.exception();
                    }
                    f.incRef();
                    return f;
                }));
    }

    private void assertFails(Errno errno, String path) {
        assertThatThrownBy(() -> load(path, List.of(path), List.of())).isSameAs(errno.exception());
    }

    private static void release(LoadedProgram p) {
        p.memory().decUsers();
        p.executable().decRef();
    }

    private static ElfImage staticProgram() {
        return new ElfImage(Elf.ET_EXEC, 0x401000)
                .segment(Elf.PF_R, 0, 0x400000, 0x200, 0x200)
                .segment(RX, 0x1000, 0x401000, 0x1800, 0x1800)
                .segment(RW, 0x2900, 0x404900, 0x100, 0x3000)
                .header(Elf.PT_GNU_STACK, RW)
                .bytes(0x1000, "code")
                .bytes(0x2900, "data")
                .bytes(0x2a00, "beyond");
    }

    private static ElfImage dynamicProgram(long base) {
        return new ElfImage(Elf.ET_DYN, base + 0x1000)
                .segment(RX, 0, base, 0x1100, 0x1100)
                .segment(RW, 0x1100, base + 0x2100, 0x80, 0x80)
                .bytes(0x1000, "code");
    }

    /** The stack of a new program, read back. */
    private record Stack(List<String> arguments, List<String> environment, TreeMap<Long, Long> auxv) {
        static Stack read(LoadedProgram p) throws ErrnoException {
            MemoryManager mm = p.memory();
            long at = p.stackPointer();
            assertThat(at & 15).isZero();
            long argc = mm.readLong(at);
            at += 8;
            List<String> arguments = new ArrayList<>();
            for (; mm.readLong(at) != 0; at += 8) {
                arguments.add(string(mm, mm.readLong(at)));
            }
            assertThat(arguments).hasSize((int) argc);
            at += 8;
            List<String> environment = new ArrayList<>();
            for (; mm.readLong(at) != 0; at += 8) {
                environment.add(string(mm, mm.readLong(at)));
            }
            at += 8;
            TreeMap<Long, Long> auxv = new TreeMap<>();
            for (; mm.readLong(at) != AuxVector.AT_NULL; at += 16) {
                auxv.put(mm.readLong(at), mm.readLong(at + 8));
            }
            return new Stack(arguments, environment, auxv);
        }

        static String string(MemoryManager mm, long address) throws ErrnoException {
            return new String(mm.copyInString(address, 4096), StandardCharsets.ISO_8859_1);
        }

        long aux(int type) {
            return auxv.get((long) type);
        }
    }

    @Test
    void shouldLoadAStaticProgram() throws ErrnoException {
        file("/bin/test", staticProgram().build());
        LoadedProgram p = load("/bin/test", List.of("test", "", "two words"), List.of("A=b", "PATH=/bin"));
        MemoryManager mm = p.memory();
        assertThat(p.entry()).isEqualTo(0x401000);
        assertThat(mm.handleFault(0x401000, 0x14)).isEqualTo(FaultResult.HANDLED);
        assertThat(mm.handleFault(0x404000, 0x14)).isEqualTo(FaultResult.SEGV_ACCERR);
        assertThat(mm.handleFault(0x401000, 0x6)).isEqualTo(FaultResult.SEGV_ACCERR);
        assertThat(Stack.string(mm, 0x401000)).isEqualTo("code");
        assertThat(Stack.string(mm, 0x404900)).isEqualTo("data");
        assertThat(mm.readLong(0x404a00)).as("bss in the file's page").isZero();
        assertThat(mm.readLong(0x4078f8)).isZero();
        mm.writeInt(0x404a00, 3);

        Stack stack = Stack.read(p);
        assertThat(stack.arguments()).containsExactly("test", "", "two words");
        assertThat(stack.environment()).containsExactly("A=b", "PATH=/bin");
        assertThat(stack.aux(AuxVector.AT_PHDR)).isEqualTo(0x400040);
        assertThat(stack.aux(AuxVector.AT_PHENT)).isEqualTo(56);
        assertThat(stack.aux(AuxVector.AT_PHNUM)).isEqualTo(4);
        assertThat(stack.aux(AuxVector.AT_ENTRY)).isEqualTo(0x401000);
        assertThat(stack.aux(AuxVector.AT_BASE)).isZero();
        assertThat(stack.aux(AuxVector.AT_UID)).isEqualTo(1000);
        assertThat(stack.aux(AuxVector.AT_EGID)).isEqualTo(100);
        assertThat(stack.aux(AuxVector.AT_PAGESZ)).isEqualTo(4096);
        assertThat(Stack.string(mm, stack.aux(AuxVector.AT_EXECFN))).isEqualTo("/bin/test");
        assertThat(Stack.string(mm, stack.aux(AuxVector.AT_PLATFORM))).isEqualTo("x86_64");
        assertThat(mm.readLong(stack.aux(AuxVector.AT_RANDOM))).isNotZero();

        byte[] arguments = new byte[(int) (mm.image().argEnd() - mm.image().argStart())];
        mm.copyIn(mm.image().argStart(), arguments);
        assertThat(arguments).asString().isEqualTo("test\0\0two words\0");
        byte[] environment = new byte[(int) (mm.image().envEnd() - mm.image().envStart())];
        mm.copyIn(mm.image().envStart(), environment);
        assertThat(environment).asString().isEqualTo("A=b\0PATH=/bin\0");

        long heap = mm.brk(0);
        assertThat(heap).isGreaterThanOrEqualTo(0x408000);
        assertThat(mm.brk(heap + 10000)).isEqualTo(heap + 10000);
        mm.writeByte(heap + 9999, (byte) 1);
        assertThat(mm.brk(heap)).isEqualTo(heap);
        assertThat(mm.mappings(false)).extracting(MappingInfo::name).contains("/bin/test", "[stack]");
        release(p);
    }

    @Test
    void shouldLoadAStaticPositionIndependentProgram() throws ErrnoException {
        file("/pie", dynamicProgram(0).build());
        LoadedProgram p = load("/pie", List.of("pie"), List.of());
        long base = p.entry() - 0x1000;
        assertThat(base & 4095).isZero();
        assertThat(Stack.string(p.memory(), base + 0x1000)).isEqualTo("code");
        assertThat(Stack.read(p).aux(AuxVector.AT_PHDR)).isEqualTo(base + 64);
        release(p);
    }

    @Test
    void shouldLoadADynamicProgramWithItsInterpreter() throws ErrnoException {
        file("/lib/ld.so", dynamicProgram(0).build());
        file("/dyn", dynamicProgram(0).interpreter("/lib/ld.so").build());
        LoadedProgram p = load("/dyn", List.of("dyn"), List.of());
        Stack stack = Stack.read(p);
        long base = stack.aux(AuxVector.AT_BASE);
        assertThat(p.entry()).isEqualTo(base + 0x1000);
        long programBase = stack.aux(AuxVector.AT_ENTRY) - 0x1000;
        assertThat(programBase).isBetween(0x5555_5555_0000L, 0x6555_5555_5000L).isNotEqualTo(base);
        assertThat(Stack.string(p.memory(), programBase + 0x1000)).isEqualTo("code");
        assertThat(Stack.string(p.memory(), p.entry())).isEqualTo("code");
        assertThat(p.memory().brk(0)).isGreaterThan(programBase);
        release(p);
    }

    @Test
    void shouldPlaceProgramsWithoutRandomisationAlwaysTheSame() throws ErrnoException {
        randomize = false;
        file("/lib/ld.so", dynamicProgram(0).build());
        file("/dyn", dynamicProgram(0).interpreter("/lib/ld.so").build());
        LoadedProgram p = load("/dyn", List.of("dyn"), List.of());
        LoadedProgram q = load("/dyn", List.of("dyn"), List.of());
        assertThat(p.entry()).isEqualTo(q.entry());
        assertThat(p.stackPointer()).isEqualTo(q.stackPointer());
        assertThat(Stack.read(p).aux(AuxVector.AT_ENTRY)).isEqualTo(0x5555_5555_5000L);
        release(p);
        release(q);
    }

    @Test
    void shouldRunScriptsByTheirInterpreter() throws ErrnoException {
        file("/bin/sh", staticProgram().build());
        file("/script", bytes("#! /bin/sh -e  -x \nexit 1\n"));
        LoadedProgram p = load("/script", List.of("ignored", "a", "b"), List.of("X=1"));
        Stack stack = Stack.read(p);
        assertThat(stack.arguments()).containsExactly("/bin/sh", "-e  -x", "/script", "a", "b");
        assertThat(Stack.string(p.memory(), stack.aux(AuxVector.AT_EXECFN))).isEqualTo("/script");
        assertThat(p.executable()).isSameAs(files.get("/bin/sh"));
        release(p);
    }

    @Test
    void shouldFollowNestedScriptsOnlySoFar() throws ErrnoException {
        file("/bin/sh", staticProgram().build());
        String next = "/bin/sh";
        for (int i = 1; i <= 6; i++) {
            file("/s" + i, bytes("#!" + next + "\n"));
            next = "/s" + i;
        }
        LoadedProgram p = load("/s5", List.of("s5"), List.of());
        assertThat(Stack.read(p).arguments()).containsExactly("/bin/sh", "/s1", "/s2", "/s3", "/s4", "/s5");
        release(p);
        assertFails(Errno.ELOOP, "/s6");
        file("/self", bytes("#!/self\n"));
        assertFails(Errno.ELOOP, "/self");
    }

    @Test
    void shouldReadInterpreterLinesAsLinuxDoes() throws ErrnoException {
        assertLine("#!/bin/sh\n", "/bin/sh", null);
        assertLine("#!/bin/sh", "/bin/sh", null);
        assertLine("#!  \t/bin/sh \t a b\t \n", "/bin/sh", "a b");
        assertLine("#!/bin/sh\0junk\n", "/bin/sh", null);
        assertLine("#!" + " ".repeat(240) + "/bin/sh\n", "/bin/sh", null);
        assertLine("#!/bin/sh " + "x".repeat(300), "/bin/sh", "x".repeat(245));
        assertNoLine("#!\n");
        assertNoLine("#!   \t \n");
        assertNoLine("#!" + " ".repeat(300) + "/bin/sh\n");
        assertNoLine("#!/" + "x".repeat(300) + "\n");
    }

    private static void assertLine(String text, String interpreter, String argument) throws ErrnoException {
        InterpreterLine line = InterpreterLine.parse(java.util.Arrays.copyOf(bytes(text), 256));
        assertThat(line.interpreter()).asString().isEqualTo(interpreter);
        if (argument == null) {
            assertThat(line.argument()).isNull();
        } else {
            assertThat(line.argument()).asString().isEqualTo(argument);
        }
    }

    private static void assertNoLine(String text) {
        assertThatThrownBy(() -> InterpreterLine.parse(java.util.Arrays.copyOf(bytes(text), 256)))
                .isSameAs(Errno.ENOEXEC.exception());
    }

    @Test
    void shouldRefuseWhatIsNoProgram() {
        file("/empty", new byte[0]);
        file("/text", bytes("echo hello\n"));
        file("/short", java.util.Arrays.copyOf(staticProgram().build(), 70));
        byte[] arm = staticProgram().build();
        arm[Elf.E_MACHINE] = 40;
        file("/arm", arm);
        for (String f : files.keySet()) {
            assertFails(Errno.ENOEXEC, f);
        }
        file("/nointerp", dynamicProgram(0).interpreter("/missing").build());
        assertFails(Errno.ENOENT, "/nointerp");
        file("/badinterp", dynamicProgram(0).interpreter("/text").build());
        assertFails(Errno.EIO, "/badinterp");
        file("/text2", bytes("echo hello\n".repeat(20)));
        file("/badinterp2", dynamicProgram(0).interpreter("/text2").build());
        assertFails(Errno.ELIBBAD, "/badinterp2");
        file("/noscript", bytes("#!/missing\n"));
        assertFails(Errno.ENOENT, "/noscript");
        file(
                "/huge",
                new ElfImage(Elf.ET_EXEC, 0x400000)
                        .segment(RW, 0, 0x400000, 0x100, -1)
                        .build());
        assertFails(Errno.EINVAL, "/huge");
        file(
                "/kernel",
                new ElfImage(Elf.ET_EXEC, 0x400000)
                        .segment(RW, 0, 0xffff_8000_0000_0000L, 10, 10)
                        .build());
        assertFails(Errno.ENOMEM, "/kernel");
        file(
                "/low",
                new ElfImage(Elf.ET_EXEC, 0x1000).segment(RW, 0, 0x1000, 10, 10).build());
        assertFails(Errno.EPERM, "/low");
        file(
                "/unaligned",
                new ElfImage(Elf.ET_EXEC, 0x400000)
                        .segment(RX, 0x10, 0x400020, 10, 10)
                        .build());
        assertFails(Errno.EINVAL, "/unaligned");
    }

    @Test
    void shouldLimitArguments() throws ErrnoException {
        file("/bin/test", staticProgram().build());
        String longest = "x".repeat(131071);
        release(load("/bin/test", List.of(longest), List.of()));
        assertThatThrownBy(() -> load("/bin/test", List.of(longest + "x"), List.of()))
                .isSameAs(Errno.E2BIG.exception());
        List<String> many = new ArrayList<>();
        for (int i = 0; i < 15; i++) {
            many.add(longest);
        }
        release(load("/bin/test", many, List.of()));
        many.add(longest);
        assertThatThrownBy(() -> load("/bin/test", many, List.of())).isSameAs(Errno.E2BIG.exception());
        limits = new MemoryLimits(-1, -1, 1 << 20, -1);
        assertThatThrownBy(() -> load("/bin/test", many.subList(0, 2), List.of()))
                .isSameAs(Errno.E2BIG.exception());
        release(load("/bin/test", many.subList(0, 1), List.of()));
        LoadedProgram none = load("/bin/test", List.of(), List.of());
        assertThat(Stack.read(none).arguments()).containsExactly("");
        release(none);
    }

    @Test
    void shouldSurviveMutatedFiles() throws ErrnoException {
        long seed = Long.getLong("stockade.test.seed", System.nanoTime());
        Random r = new Random(seed);
        file("/lib/ld.so", dynamicProgram(0).build());
        byte[][] originals = {
            staticProgram().build(),
            dynamicProgram(0).build(),
            dynamicProgram(0).interpreter("/lib/ld.so").build(),
            dynamicProgram(0x7000_0000L).interpreter("/lib/ld.so").build()
        };
        long[] interesting = {
            0,
            1,
            -1,
            4095,
            4096,
            0x7fff_ffff_f000L,
            0x7fff_ffff_e001L,
            1L << 47,
            1L << 63,
            Long.MAX_VALUE,
            -4096,
            0x10000
        };
        int loaded = 0;
        for (int i = 0; i < 4000; i++) {
            byte[] image = originals[r.nextInt(originals.length)].clone();
            int mutations = 1 + r.nextInt(4);
            for (int m = 0; m < mutations; m++) {
                int at = r.nextInt(64 + 5 * 56);
                if (r.nextBoolean()) {
                    image[at] = (byte) r.nextInt();
                } else {
                    java.nio.ByteBuffer.wrap(image)
                            .order(java.nio.ByteOrder.LITTLE_ENDIAN)
                            .putLong(at & -8, interesting[r.nextInt(interesting.length)]);
                }
            }
            if (r.nextInt(10) == 0) {
                image = java.util.Arrays.copyOf(image, r.nextInt(image.length));
            }
            boolean asInterpreter = r.nextInt(4) == 0;
            MemoryFile fuzzed = file("/fuzz", image);
            if (asInterpreter) {
                file(
                        "/fuzzed-interpreter",
                        dynamicProgram(0).interpreter("/fuzz").build());
            }
            try {
                LoadedProgram p = load(asInterpreter ? "/fuzzed-interpreter" : "/fuzz", List.of("x"), List.of());
                Stack.read(p);
                p.memory().handleFault(p.entry(), 0x14);
                loaded++;
                release(p);
            } catch (ErrnoException e) {
                // As it should be.
            } catch (RuntimeException | AssertionError e) {
                fail("seed " + seed + ", round " + i, e);
            }
            assertThat(fuzzed.mappings()).as("seed %d, round %d", seed, i).isZero();
            fuzzed.dropCache();
            MemoryFile host = files.remove("/fuzzed-interpreter");
            if (host != null) {
                host.dropCache();
            }
            files.remove("/fuzz");
        }
        assertThat(loaded).isPositive();
    }
}
