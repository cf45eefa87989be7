// A Java client (Jedis) that goes on through failovers: JedisExample [group] [host:port of one sentinel].
// Writes a numbered key without pause and prints the number of each acknowledged write; errors go to standard error.

import java.util.Set;
import redis.clients.jedis.DefaultJedisClientConfig;
import redis.clients.jedis.HostAndPort;
import redis.clients.jedis.RedisSentinelClient;
import redis.clients.jedis.exceptions.JedisException;

public class JedisExample {
  public static void main(String[] args) throws InterruptedException {
    String group = args.length > 0 ? args[0] : "mymaster";
    String sentinel = args.length > 1 ? args[1] : "127.0.0.1:26379";
    // A frozen primary neither answers nor closes its socket. Longer than your slowest command.
    DefaultJedisClientConfig timeouts =
        DefaultJedisClientConfig.builder().connectionTimeoutMillis(300).socketTimeoutMillis(300).build();
    try (RedisSentinelClient client =
        RedisSentinelClient.builder()
            .masterName(group)
            .sentinels(Set.of(HostAndPort.from(sentinel)))
            .sentinelClientConfig(timeouts)
            .clientConfig(timeouts)
            .build()) {
      for (long n = 0; ; n++) {
        while (!set(client, n)) Thread.sleep(10);
        System.out.println(n);
      }
    }
  }

  private static boolean set(RedisSentinelClient client, long n) {
    try {
      client.set("example:" + n, Long.toString(n));
      return true;
    } catch (JedisException error) {
      System.err.println(error.getMessage());
      return false;
    }
  }
}
