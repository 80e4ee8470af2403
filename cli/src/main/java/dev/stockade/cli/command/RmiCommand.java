package dev.stockade.cli.command;

import dev.stockade.cli.api.ControlPlane;
import dev.stockade.cli.api.UnreachableException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

@Command(name = "rmi", description = "Removes images.")
final class RmiCommand implements Callable<Integer> {
    @Mixin
    final ApiMixin api = new ApiMixin();

    @Parameters(paramLabel = "IMAGE", arity = "1..*", description = "names of images")
    List<String> images = new ArrayList<>();

    @Override
    public Integer call() throws UnreachableException, InterruptedException {
        try (ControlPlane controlPlane = api.existing()) {
            return ForEach.reference(images, controlPlane::deleteImage);
        }
    }
}
