//! A steady load: messages numbered from 0, of which everything is known afterwards.
//!
//! Message number N comes from device [`device`]`(N)`, carries `seq` N, `pm25` [`value`]`(N)` and a time of its own in
//! microseconds ([`Load::stamps`]). Acknowledgements have to come in order, so the acknowledged ones are `0..acked`.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use event::Time;

use super::packets::{Link, publish};
use crate::wait;

/// Devices that take turns.
pub const DEVICES: u64 = 50;
/// Packet ids in turn; more are never unacknowledged.
const IDS: u64 = 30_000;
/// Unacknowledged messages before the load waits.
const WINDOW: u64 = 10_000;
const BEAT: Duration = Duration::from_millis(5);

pub fn device(number: u64) -> String {
    format!("aqm-load-{:03}", number % DEVICES)
}

pub fn value(number: u64) -> f64 {
    tenths(number) as f64 / 10.0
}

fn tenths(number: u64) -> u64 {
    100 + number / DEVICES % 100
}

/// Microseconds since 1970.
pub fn wall_us() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_micros()).unwrap()
}

struct Shared {
    rate: AtomicU64,
    stop: AtomicBool,
    sent: AtomicU64,
    acked: AtomicU64,
    stamps: Mutex<Vec<i64>>,
}

pub struct Load {
    shared: Arc<Shared>,
    sender: Option<JoinHandle<()>>,
    receiver: Option<JoinHandle<()>>,
}

impl Load {
    pub fn start(address: SocketAddr, rate: u64) -> Self {
        let link = Link::connect(address, "steady-load");
        let shared = Arc::new(Shared {
            rate: AtomicU64::new(rate),
            stop: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            acked: AtomicU64::new(0),
            stamps: Mutex::new(Vec::new()),
        });
        let stream = link.stream.try_clone().unwrap();
        let (sending, receiving) = (Arc::clone(&shared), Arc::clone(&shared));
        Self {
            shared,
            sender: Some(thread::spawn(move || send(stream, &sending))),
            receiver: Some(thread::spawn(move || receive(link, &receiving))),
        }
    }

    /// Another rate from now on.
    pub fn set_rate(&self, rate: u64) {
        self.shared.rate.store(rate, Ordering::Relaxed);
    }

    pub fn sent(&self) -> u64 {
        self.counter().now()
    }

    /// For where the load itself is out of reach.
    pub fn counter(&self) -> Counter {
        Counter(Arc::clone(&self.shared))
    }

    pub fn acked(&self) -> u64 {
        self.shared.acked.load(Ordering::Acquire)
    }

    /// Sends no more and waits for the last acknowledgement; gives the time (microseconds) that each message carries.
    pub fn finish(mut self) -> Vec<i64> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.sender.take().unwrap().join().unwrap();
        wait::until("the load is acknowledged", Duration::from_secs(60), || {
            assert!(
                !self.receiver.as_ref().unwrap().is_finished() || self.acked() >= self.sent(),
                "the connection of the load broke at {} of {}",
                self.acked(),
                self.sent()
            );
            (self.acked() >= self.sent()).then_some(())
        });
        std::mem::take(&mut *self.shared.stamps.lock().unwrap())
    }
}

/// How many messages were sent.
pub struct Counter(Arc<Shared>);

impl Counter {
    pub fn now(&self) -> u64 {
        self.0.sent.load(Ordering::Acquire)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
    }
}

fn send(mut stream: TcpStream, shared: &Shared) {
    let (mut owed, mut last, mut stamp) = (0.0, Instant::now(), 0);
    let mut packets = Vec::new();
    while !shared.stop.load(Ordering::Relaxed) {
        let rate = shared.rate.load(Ordering::Relaxed) as f64;
        // What could not be sent for more than a second is not caught up with: the load stays steady.
        owed = (owed + last.elapsed().as_secs_f64() * rate).min(rate);
        last = Instant::now();
        let sent = shared.sent.load(Ordering::Relaxed);
        let room = WINDOW.saturating_sub(sent - shared.acked.load(Ordering::Acquire));
        let count = (owed as u64).min(room).min(1_000);
        packets.clear();
        {
            let mut stamps = shared.stamps.lock().unwrap();
            for number in sent..sent + count {
                stamp = wall_us().max(stamp + 1);
                stamps.push(stamp);
                let topic = format!("ioc/lao-cai/environment/{}/up", device(number));
                let id = u16::try_from(number % IDS + 1).unwrap();
                publish(&mut packets, &topic, id, payload(number, stamp).as_bytes());
            }
        }
        owed -= count as f64;
        // Known as sent before the first answer can come.
        shared.sent.store(sent + count, Ordering::Release);
        stream.write_all(&packets).expect("the load can be sent");
        thread::park_timeout(BEAT);
    }
}

/// About 200 bytes of ordinary air.
fn payload(number: u64, stamp: i64) -> String {
    let tenths = tenths(number);
    format!(
        "{{\"id\":\"{}\",\"seq\":{number},\"ts\":\"{}\",\"pm25\":{}.{},\"pm10\":31.4,\"no2\":21.7,\"so2\":14.2,\"co\":512,\
         \"o3\":44.1,\"temp\":24.3,\"hum\":71.2,\"battery\":12.4,\"lat\":22.48210,\"lon\":103.97310}}",
        device(number),
        Time(stamp * 1_000),
        tenths / 10,
        tenths % 10
    )
}

fn receive(mut link: Link, shared: &Shared) {
    let limit = Some(Duration::from_millis(500));
    link.stream.set_read_timeout(limit).unwrap();
    let mut buffer = [0_u8; 4_096];
    let mut kept = 0;
    loop {
        match std::io::Read::read(&mut link.stream, &mut buffer[kept..]) {
            Ok(0) => return,
            Ok(read) => kept += read,
            Err(error) if is_timeout(&error) => {
                let done =
                    shared.acked.load(Ordering::Relaxed) >= shared.sent.load(Ordering::Acquire);
                if shared.stop.load(Ordering::Relaxed) && done {
                    return;
                }
                continue;
            }
            Err(_) => return,
        }
        let whole = kept - kept % 4;
        for packet in buffer[..whole].chunks_exact(4) {
            let number = shared.acked.load(Ordering::Relaxed);
            let id = u16::try_from(number % IDS + 1).unwrap().to_be_bytes();
            assert_eq!(packet, [0x40, 2, id[0], id[1]], "message {number}");
            shared.acked.store(number + 1, Ordering::Release);
        }
        buffer.copy_within(whole..kept, 0);
        kept -= whole;
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut)
}
