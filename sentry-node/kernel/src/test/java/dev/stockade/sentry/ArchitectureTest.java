package dev.stockade.sentry;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import java.util.ArrayList;
import java.util.List;

/** The order of this module's packages. */
@AnalyzeClasses(packages = "dev.stockade.sentry", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    private static final String ROOT = "dev.stockade.sentry.";

    /** Lowest first; packages of one line may use each other as the no-cycles rule allows. */
    private static final List<List<String>> LAYERS = List.of(
            List.of("abi"),
            List.of("memory"),
            List.of("platform"),
            List.of("waiter", "auth", "time", "futex"),
            List.of("vfs"),
            List.of("mm"),
            List.of("loader"),
            List.of("kernel"),
            List.of("fs"),
            List.of("syscalls"),
            List.of("boot"));

    @ArchTest
    static final ArchRule noCycles = slices().matching("dev.stockade.sentry.(*)..")
            .should()
            .beFreeOfCycles()
            .because("a package that needs what stands above it can't be understood or tested alone");

    @ArchTest
    static final ArchRule siblings = slices().matching("dev.stockade.sentry.fs.(*)..")
            .should()
            .notDependOnEachOther()
            .because("file systems do not know each other");

    @ArchTest
    static final ArchRule plainJava = noClasses()
            .that()
            .resideInAPackage("dev.stockade.sentry..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("jnr..", "io.quarkus..", "jakarta..", "io.grpc..", "com.google.protobuf..")
            .because("the kernel is plain Java: no native calls, no framework");

    @ArchTest
    static void layers(com.tngtech.archunit.core.domain.JavaClasses classes) {
        List<String> above = new ArrayList<>();
        for (int i = LAYERS.size() - 1; i >= 0; i--) {
            for (String name : LAYERS.get(i)) {
                if (!above.isEmpty()) {
                    noClasses()
                            .that()
                            .resideInAPackage(ROOT + name + "..")
                            .should()
                            .dependOnClassesThat()
                            .resideInAnyPackage(above.toArray(String[]::new))
                            .because("each package uses only what is below it")
                            .check(classes);
                }
            }
            for (String name : LAYERS.get(i)) {
                above.add(ROOT + name + "..");
            }
        }
    }
}
