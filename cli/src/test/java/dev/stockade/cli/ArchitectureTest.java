package dev.stockade.cli;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "dev.stockade.cli", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule NO_PLATFORM = noClasses()
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.quarkus..", "jakarta..", "jnr..", "io.grpc..")
            .because("the command must start in a fraction of a second, and talks to the fleet as any client does");

    @ArchTest
    static final ArchRule COMMANDS_ON_TOP = noClasses()
            .that()
            .resideOutsideOfPackages("dev.stockade.cli.command..", "dev.stockade.cli")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.stockade.cli.command..")
            .because("what talks to the fleet knows nothing of options and texts");

    @ArchTest
    static final ArchRule NO_CYCLES = slices().matching("dev.stockade.cli.(*)..")
            .should()
            .beFreeOfCycles()
            .because("each package uses only what is below it");
}
