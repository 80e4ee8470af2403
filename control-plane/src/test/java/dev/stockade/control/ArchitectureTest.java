package dev.stockade.control;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;
import jakarta.persistence.Entity;

@AnalyzeClasses(packages = "dev.stockade.control", importOptions = DoNotIncludeTests.class)
class ArchitectureTest {
    @ArchTest
    static final ArchRule shouldKeepDomainAndPlacementPure = noClasses()
            .that()
            .resideInAnyPackage("dev.stockade.control.domain..", "dev.stockade.control.placement..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(
                    "io..", "jakarta..", "com..", "dev.stockade.proto..", "java.sql..", "java.net..", "java.nio..")
            .because("what a sandbox may do and where it goes must be decidable and testable without anything else");

    @ArchTest
    static final ArchRule shouldKeepPlacementApart = classes()
            .that()
            .resideInAPackage("dev.stockade.control.placement..")
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage("dev.stockade.control.placement..", "java..", "org.jspecify..")
            .because("placement sees an immutable snapshot of the cluster and nothing else");

    @ArchTest
    static final ArchRule shouldKeepDomainAtTheBottom = classes()
            .that()
            .resideInAPackage("dev.stockade.control.domain..")
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage("dev.stockade.control.domain..", "java..", "org.jspecify..")
            .because("everything else is written in its terms");

    @ArchTest
    static final ArchRule shouldKeepEntitiesInStorage = classes()
            .that()
            .areAnnotatedWith(Entity.class)
            .should()
            .resideInAPackage("dev.stockade.control.storage..")
            .andShould()
            .bePackagePrivate()
            .because("a row that escapes its transaction is neither locked nor current");

    @ArchTest
    static final ArchRule shouldKeepPersistenceInStorage = noClasses()
            .that()
            .resideOutsideOfPackage("dev.stockade.control.storage..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("jakarta.persistence..", "org.hibernate..", "java.sql..")
            .because("a change and its events are one transaction only if one package begins transactions");

    @ArchTest
    static final ArchRule shouldKeepGrpcWithTheNodes = noClasses()
            .that()
            .resideInAnyPackage(
                    "dev.stockade.control.storage..",
                    "dev.stockade.control.events..",
                    "dev.stockade.control.leadership..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("io.grpc..", "dev.stockade.proto..")
            .because("wire types change with the protocol, rows and events do not");

    @ArchTest
    static final ArchRule shouldKeepRestAtTheTop = noClasses()
            .that()
            .resideOutsideOfPackages("dev.stockade.control.api..", "dev.stockade.control.stream..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("dev.stockade.control.api..", "jakarta.ws.rs..")
            .because("operations are the same whoever asks for them");

    @ArchTest
    static final ArchRule shouldHaveNoCycles = slices().matching("dev.stockade.control.(*)..")
            .should()
            .beFreeOfCycles()
            .because("packages that need each other are one package");
}
