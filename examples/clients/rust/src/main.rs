//! A Rust client (redis-rs) that goes on through failovers:
//!
//!     cargo run -- [group] [host:port of one sentinel]
//!
//! Writes a numbered key without pause and prints the number of each acknowledged write; errors go to standard error.

use redis::{Client, Commands, Connection, IntoConnectionInfo, RedisResult};
use std::time::Duration;
use std::{env, thread};

/// A frozen primary neither answers nor closes its socket. Longer than your slowest command.
const TIMEOUT: Duration = Duration::from_millis(200);

fn open(address: impl IntoConnectionInfo) -> RedisResult<Connection> {
    let connection = Client::open(address)?.get_connection_with_timeout(TIMEOUT)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.set_write_timeout(Some(TIMEOUT))?;
    Ok(connection)
}

/// A new connection to whoever is primary now. The sentinel is asked by hand: redis-rs's SentinelClient asks the primary for its
/// role without a time-out (1.8.1), and would wait for a frozen one for ever.
fn connect(sentinel: &str, group: &str) -> RedisResult<Connection> {
    let (host, port): (String, u16) =
        redis::cmd("SENTINEL").arg("GET-MASTER-ADDR-BY-NAME").arg(group).query(&mut open(format!("redis://{sentinel}"))?)?;
    open((host, port))
}

fn set(connection: &mut Option<Connection>, sentinel: &str, group: &str, n: u64) -> RedisResult<()> {
    let mut one = match connection.take() {
        Some(one) => one,
        None => connect(sentinel, group)?,
    };
    one.set::<_, _, ()>(format!("example:{n}"), n)?;
    // Kept only after a success: an error (READONLY among them) means a new one.
    *connection = Some(one);
    Ok(())
}

fn main() -> RedisResult<()> {
    let group = env::args().nth(1).unwrap_or("mymaster".into());
    let sentinel = env::args().nth(2).unwrap_or("127.0.0.1:26379".into());
    let mut connection = None;
    for n in 0.. {
        while let Err(error) = set(&mut connection, &sentinel, &group, n) {
            eprintln!("{error}");
            thread::sleep(Duration::from_millis(10));
        }
        println!("{n}");
    }
    Ok(())
}
