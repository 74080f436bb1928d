package matchedids;

import java.math.BigInteger;
import java.util.*;

/** Which of two partitions is older: the publisher's own rule, level by level, and number by number. */
final class Partitions {
    private Partitions() {}

    /** Lets an older partition than the one that was accepted last through only if it was set back, and one follows. */
    static void requireNotOlder(Map<String, String> said, String last, boolean acceptsRollback)
            throws VerifiedReader.Refused {
        String partition = said.getOrDefault("source_partition", ""), backFrom = said.getOrDefault("set_back_from", "");
        if (last.isEmpty() || !isOlder(partition, last)) return;
        boolean isMeant = List.of(said.getOrDefault("overruled", "").split(",")).contains("older_partition")
            || !backFrom.isEmpty() && !isOlder(backFrom, last);
        if (isMeant && acceptsRollback) return;
        throw new VerifiedReader.Refused(3, "partition " + (partition.isEmpty() ? "unknown" : partition)
            + " is older than " + last + (isMeant ? ": it was set back on purpose, --accept-rollback follows"
            : ", and nothing says that this was meant"));
    }

    /** Whether it is older, or cannot be compared, as 20251022 and ano=2025/mes=10/dia=22 cannot. */
    static boolean isOlder(String partition, String than) {
        String[] mine = partition.split("/", -1), others = than.split("/", -1);
        if (!columns(mine).equals(columns(others))) return true;
        for (int i = 0; i < mine.length; i++) {
            String a = value(mine[i]), b = value(others[i]);
            boolean isNumber = a.matches("[0-9]+");
            if (isNumber != b.matches("[0-9]+")) return true;
            int order = isNumber ? new BigInteger(a).compareTo(new BigInteger(b)) : a.compareTo(b);
            if (order != 0) return order < 0;
        }
        return false;
    }

    private static List<String> columns(String[] levels) {
        return Arrays.stream(levels).map(level -> level.substring(0, level.indexOf('=') + 1)).toList();
    }

    private static String value(String level) {
        return level.substring(level.indexOf('=') + 1);
    }
}
