package matchedids;

import static java.nio.file.StandardCopyOption.*;
import static java.nio.file.StandardOpenOption.*;
import java.io.*;
import java.nio.channels.FileChannel;
import java.nio.file.*;
import java.security.*;
import java.util.*;
import java.util.zip.*;
import software.amazon.awssdk.services.s3.S3Client;

/** A consumer in Java: a target that is the whole new file, or what it was. What is checked: docs/consumers.md. */
public record VerifiedReader(S3Client s3, String bucket, String key, Path target, boolean acceptsRollback) {
    /** Why there is no new file, with the exit code that `publisher pull` has for it. */
    public static final class Refused extends IOException {
        public final int exitCode;
        Refused(int exitCode, String why) { super(why); this.exitCode = exitCode; }
    }

    /** Returns whether the target was replaced. What the SDK raises (404: nothing is active) passes. */
    public boolean read() throws IOException, GeneralSecurityException {
        try (var file = FileChannel.open(beside(".lock"), CREATE, WRITE); var lock = file.tryLock()) {
            if (lock == null) throw new Refused(6, "another one reads to " + target);
            return readAlone(beside(".part"), beside(".state"), beside(".state.part"));
        }
    }

    private Path beside(String suffix) { return target.resolveSibling(target.getFileName() + suffix); }
    private static void sync(Path p) throws IOException { try (var f = FileChannel.open(p, WRITE)) { f.force(true); } }

    private boolean readAlone(Path part, Path state, Path newState) throws IOException, GeneralSecurityException {
        var active = s3.headObject(r -> r.bucket(bucket).key(key));
        var said = active.metadata();
        if (!said.keySet().containsAll(List.of("sha256", "md5_checksum", "content_bytes", "total_ids")))
            throw new Refused(4, "the metadata says too little: this is no publisher's file");
        Partitions.requireNotOlder(said, Files.exists(state) ? Files.readString(state).strip() : "", acceptsRollback);
        String promised = active.contentLength() + " " + said.get("sha256") + " " + said.get("md5_checksum") + " "
            + said.get("content_bytes") + " " + said.get("total_ids");
        boolean isNew = !Files.exists(target) || !found(target).equals(promised);
        try {
            Files.writeString(newState, said.getOrDefault("source_partition", "") + "\n");
            sync(newState);
            if (isNew) {
                try (var body = s3.getObject(r -> r.bucket(bucket).key(key).ifMatch(active.eTag()))) {
                    Files.copy(body, part, REPLACE_EXISTING);
                }
                if (!found(part).equals(promised))
                    throw new Refused(4, "what came is not what its metadata says; " + target + " stays");
                if (Files.exists(target)) Files.setPosixFilePermissions(part, Files.getPosixFilePermissions(target));
                sync(part);
                Files.move(part, target, ATOMIC_MOVE);
            }
            Files.move(newState, state, ATOMIC_MOVE);
            return isNew;
        } finally { for (Path left : List.of(part, newState)) Files.deleteIfExists(left); }
    }
    /** What a file is: its bytes and SHA-256, and of its content MD5, bytes and lines. */
    private static String found(Path file) throws IOException, GeneralSecurityException {
        MessageDigest sha256 = MessageDigest.getInstance("SHA-256"), md5 = MessageDigest.getInstance("MD5");
        long contentBytes = 0, lines = 0;
        byte last = '\n';
        try (var raw = Files.newInputStream(file)) {
            raw.transferTo(new DigestOutputStream(OutputStream.nullOutputStream(), sha256));
        }
        try (var content = new GZIPInputStream(Files.newInputStream(file), 1 << 16)) {
            var piece = new byte[1 << 16];
            for (int bytes; (bytes = content.read(piece)) > 0; contentBytes += bytes) {
                md5.update(piece, 0, bytes);
                for (int i = 0; i < bytes; last = piece[i++]) {
                    if (piece[i] == '\n' && last == '\n') return "a blank line";
                    if (piece[i] == '\n') lines++;
                }
            }
        } catch (EOFException | ZipException damage) { return "no whole gzip file"; }
        var hex = HexFormat.of();
        return Files.size(file) + " " + hex.formatHex(sha256.digest()) + " " + hex.formatHex(md5.digest()) + " "
            + contentBytes + " " + (last == '\n' ? lines : lines + 1);
    }
}
