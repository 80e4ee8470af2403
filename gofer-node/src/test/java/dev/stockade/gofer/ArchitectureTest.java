package dev.stockade.gofer;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "dev.stockade.gofer", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule NATIVE = noClasses()
            .that()
            .resideOutsideOfPackage("dev.stockade.gofer.host..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("jnr..", "com.kenai.jffi..", "java.lang.foreign..")
            .because("only the package host makes native calls, so that only it has to be read to trust them");

    @ArchTest
    static final ArchRule HOST = classes()
            .that()
            .resideInAPackage("dev.stockade.gofer.host..")
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage(
                    "dev.stockade.gofer.host..",
                    "dev.stockade.gofer.abi..",
                    "jnr..",
                    "java..",
                    "com.google.errorprone.annotations..",
                    "org.jspecify..")
            .because("what opens files must not depend on what hostile callers talk to");

    @ArchTest
    static final ArchRule CORE = noClasses()
            .that()
            .resideInAnyPackage(
                    "dev.stockade.gofer.abi..",
                    "dev.stockade.gofer.host..",
                    "dev.stockade.gofer.tree..",
                    "dev.stockade.gofer.store..",
                    "dev.stockade.gofer.session..",
                    "dev.stockade.gofer.builtin..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "io.quarkus..", "jakarta..", "io.grpc..", "com.google.protobuf..", "dev.stockade.proto..")
            .because("the security core is plain Java that is tested without a server");

    @ArchTest
    static final ArchRule ARCHIVES = noClasses()
            .that()
            .resideOutsideOfPackage("dev.stockade.gofer.store..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("org.apache.commons.compress..")
            .because("archives are hostile and read in one place");

    @ArchTest
    static final ArchRule CYCLES = slices().matching("dev.stockade.gofer.(*)..")
            .should()
            .beFreeOfCycles()
            .because("each package uses only what is below it");
}
