package matchedids;

import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.*;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.S3Exception;

/** The reader as a program. Credentials, region and endpoint are found as the SDK finds them. */
public final class Main {
    private Main() {}

    /** Arguments: [--accept-rollback] BUCKET KEY TARGET. */
    public static void main(String[] arguments) {
        System.exit(run(new ArrayList<>(List.of(arguments))));
    }

    static int run(List<String> arguments) {
        boolean acceptsRollback = arguments.remove("--accept-rollback");
        if (arguments.size() != 3) return failed(2, "usage: Main [--accept-rollback] BUCKET KEY TARGET");
        try (var s3 = S3Client.builder().httpClient(UrlConnectionHttpClient.create()).build()) {
            Path target = Path.of(arguments.get(2));
            boolean isNew = new VerifiedReader(s3, arguments.get(0), arguments.get(1), target, acceptsRollback).read();
            System.out.println(isNew ? "updated" : "unchanged");
            return 0;
        } catch (VerifiedReader.Refused refused) {
            return failed(refused.exitCode, refused.getMessage());
        } catch (S3Exception error) {
            if (error.statusCode() == 404) return failed(5, "nothing is published there");
            if (error.statusCode() == 412) return failed(6, "it was replaced meanwhile: run again");
            return failed(7, error.getMessage());
        } catch (SdkException | IOException | GeneralSecurityException error) {
            return failed(7, error.toString());
        }
    }

    private static int failed(int exitCode, String why) {
        System.err.println(why);
        return exitCode;
    }
}
