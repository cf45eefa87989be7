// A Java client (Lettuce) that goes on through failovers: LettuceExample [group] [host:port of one sentinel].
// Writes a numbered key without pause and prints the number of each acknowledged write; errors go to standard error.

import io.lettuce.core.ClientOptions;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisURI;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.TimeoutOptions;
import io.lettuce.core.api.StatefulRedisConnection;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.Delay;
import java.time.Duration;

public class LettuceExample {
  public static void main(String[] args) throws InterruptedException {
    String group = args.length > 0 ? args[0] : "mymaster";
    String sentinel = args.length > 1 ? args[1] : "127.0.0.1:26379";
    String[] at = sentinel.split(":");
    // The new primary is there in tens of milliseconds; by default attempts are up to 30 s apart.
    ClientResources resources =
        ClientResources.builder().reconnectDelay(Delay.constant(Duration.ofMillis(10))).build();
    RedisURI uri = RedisURI.Builder.sentinel(at[0], Integer.parseInt(at[1]), group).build();
    uri.setTimeout(Duration.ofMillis(500));
    RedisClient client = RedisClient.create(resources, uri);
    client.setOptions(
        ClientOptions.builder()
            .socketOptions(SocketOptions.builder().connectTimeout(Duration.ofMillis(500)).build())
            .timeoutOptions(TimeoutOptions.enabled(Duration.ofMillis(500)))
            .build());
    // A plain connection, not MasterReplica: that one keeps its own idea of who is primary.
    StatefulRedisConnection<String, String> connection = client.connect();
    for (long n = 0; ; n++) {
      while (!set(connection, n)) {
        // A frozen primary does not close its socket, and a demoted one answers READONLY: leave both, and ask the sentinels.
        connection.closeAsync();
        connection = reconnected(client, connection);
        Thread.sleep(10);
      }
      System.out.println(n);
    }
  }

  private static StatefulRedisConnection<String, String> reconnected(
      RedisClient client, StatefulRedisConnection<String, String> old) {
    try {
      return client.connect();
    } catch (RedisException error) {
      System.err.println(error.getMessage());
      return old;
    }
  }

  private static boolean set(StatefulRedisConnection<String, String> connection, long n) {
    try {
      connection.sync().set("example:" + n, Long.toString(n));
      return true;
    } catch (RedisException error) {
      System.err.println(error.getMessage());
      return false;
    }
  }
}
