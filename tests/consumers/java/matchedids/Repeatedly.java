package matchedids;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.List;

/** Runs Main once for each line of stdin, its arguments between tabs, and prints the exit code: one JVM for all tests. */
public final class Repeatedly {
    private Repeatedly() {}

    public static void main(String[] none) throws Exception {
        var lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = lines.readLine()) != null; ) {
            var arguments = new ArrayList<>(List.of(line.split("\t")));
            if (arguments.get(0).equals("isOlder"))
                System.out.println(Partitions.isOlder(arguments.get(1), arguments.get(2)));
            else System.out.println("exit " + Main.run(arguments));
        }
    }
}
