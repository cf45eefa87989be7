//! A Rust client (redis-rs) that goes on through failovers:
//!
//!     cargo run -- [group] [host:port of one sentinel]
//!
//! Writes a numbered key without pause and prints the number of each acknowledged write; errors go to standard error.

use redis::sentinel::{SentinelClient, SentinelServerType};
use redis::{Commands, Connection, RedisResult};
use std::time::Duration;
use std::{env, thread};

/// A frozen primary neither answers nor closes its socket. Longer than your slowest command.
const TIMEOUT: Duration = Duration::from_millis(200);

/// A new connection to whoever is primary now: the sentinels are asked for it.
fn connect(sentinels: &mut SentinelClient) -> RedisResult<Connection> {
    let connection = sentinels.get_client()?.get_connection_with_timeout(TIMEOUT)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.set_write_timeout(Some(TIMEOUT))?;
    Ok(connection)
}

fn set(connection: &mut Option<Connection>, sentinels: &mut SentinelClient, n: u64) -> RedisResult<()> {
    let mut one = match connection.take() {
        Some(one) => one,
        None => connect(sentinels)?,
    };
    one.set::<_, _, ()>(format!("example:{n}"), n)?;
    // Kept only after a success: an error (READONLY among them) means a new one.
    *connection = Some(one);
    Ok(())
}

fn main() -> RedisResult<()> {
    let group = env::args().nth(1).unwrap_or("mymaster".into());
    let sentinel = env::args().nth(2).unwrap_or("127.0.0.1:26379".into());
    let addresses = vec![format!("redis://{sentinel}")];
    let mut sentinels = SentinelClient::build(addresses, group, None, SentinelServerType::Master)?;
    let mut connection = None;
    for n in 0.. {
        while let Err(error) = set(&mut connection, &mut sentinels, n) {
            eprintln!("{error}");
            thread::sleep(Duration::from_millis(10));
        }
        println!("{n}");
    }
    Ok(())
}
