//! `shroff bench serve`: a service of its own under load, over real sockets.
//!
//! A part of the stream fills the window before the clock starts. What is timed is from the moment a
//! request is due, at a fixed rate, or else is sent, to the last byte of its reply: the payment is
//! durable then, and its verdict is there.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use shroff_sim::World;
use shroff_types::{Decimal, Timestamp};
use tokio::net::TcpStream;

use crate::cli::{BenchServe, LoadShape};
use crate::{Ending, inputs, settings, simulate, terminal};

pub(super) fn run(arguments: &BenchServe) -> anyhow::Result<Ending> {
    let load = Arc::new(Load::new(arguments)?);
    let folder = tempfile::tempdir()?;
    let service = match &arguments.address {
        Some(address) => {
            let key = arguments.key.clone().context("--address needs --key")?;
            Service { child: None, address: address.clone(), key }
        }
        None => Service::start(&arguments.data.clone().unwrap_or(folder.path().join("data")))?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    let batches = Plan { batch: 500, connections: 1, rate: None };
    let warm = runtime.block_on(send(&service, &load, 0..load.warm, batches))?;
    let before = service.memory_mib();
    let plan = Plan::of(arguments);
    let timed = runtime.block_on(send(&service, &load, load.warm..load.lines.len(), plan))?;
    let after = service.memory_mib();
    let seconds = timed.time.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a count of payments")]
    let rate = timed.payments as f64 / seconds;
    writeln!(
        std::io::stdout().lock(),
        "shape={} connections={} payments={} seconds={seconds:.2} per_second={rate:.0} \
         p50_ms={:.2} p99_ms={:.2} worst_ms={:.2} turned_away={} failed={} memory_mib={} \
         memory_before_mib={}",
        arguments.shape.name(),
        plan.connections,
        timed.payments,
        timed.quantile(500),
        timed.quantile(990),
        timed.quantile(1_000),
        timed.turned_away,
        timed.failed + warm.failed,
        after.unwrap_or(0),
        before.unwrap_or(0),
    )?;
    Ok(if timed.failed + warm.failed == 0 { Ending::Well } else { Ending::TooManyBad })
}

/// The payments, each as a line of JSON.
struct Load {
    lines: Vec<String>,
    /// So many fill the window.
    warm: usize,
}

impl Load {
    fn new(arguments: &BenchServe) -> anyhow::Result<Load> {
        let warm = arguments.warm;
        let count = warm + arguments.payments;
        let world = World::new(arguments.accounts, count as u64, 30, arguments.seed);
        let simulation = simulate::simulate(&world)?;
        let end = settings::wall().0;
        // So many fill an hour, so that a request that overtakes another is not late.
        let step = 3_600_000_000 / i64::try_from(warm.max(1_000))?;
        let begin = end - step * i64::try_from(count)?;
        let mut lines = Vec::with_capacity(count);
        for (row, number) in simulation.rows().zip(0_i64..) {
            let names = [row.debtor, row.creditor].map(|account| simulation.account_name(account));
            let [debtor, mut creditor] = names;
            if arguments.hub && number % 2 == 1 {
                creditor = "hub".to_owned();
            }
            let time = Timestamp(begin + step * number);
            let amount = Decimal { digits: row.amount_minor.into(), decimals: 2 };
            lines.push(format!(
                "{{\"id\":\"p{number}\",\"time\":\"{time}\",\"debtor\":\"{debtor}\",\"creditor\":\
                 \"{creditor}\",\"amount\":{amount},\"currency\":\"EUR\"}}"
            ));
        }
        Ok(Load { lines, warm })
    }
}

struct Service {
    child: Option<Child>,
    address: String,
    key: String,
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

impl Service {
    fn start(data: &std::path::Path) -> anyhow::Result<Service> {
        let program = std::env::current_exe().context("this program has no path")?;
        let child = Command::new(program)
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start the service")?;
        let mut service =
            Service { child: Some(child), address: String::new(), key: String::new() };
        let out = service.child.as_mut().and_then(|child| child.stdout.take());
        for line in BufReader::new(out.context("it was piped")?).lines() {
            let line = line?;
            if let Some(key) = line.strip_prefix("key of the administrator, shown this once: ") {
                key.clone_into(&mut service.key);
            }
            if let Some(address) = line.strip_prefix("listening on http://") {
                address.clone_into(&mut service.address);
                return Ok(service);
            }
        }
        bail!("the service did not start\nhint: start it alone, and it says why")
    }

    /// The memory that the service has now; none where the system does not say.
    fn memory_mib(&self) -> Option<u64> {
        let path = format!("/proc/{}/status", self.child.as_ref()?.id());
        let status = inputs::text(std::path::Path::new(&path)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib / 1_024)
    }
}

/// How the payments are sent.
#[derive(Debug, Clone, Copy)]
struct Plan {
    /// So many in a request.
    batch: usize,
    connections: usize,
    /// Requests a second; none for as fast as replies come.
    rate: Option<f64>,
}

impl Plan {
    fn of(arguments: &BenchServe) -> Plan {
        let BenchServe { shape, connections, batch, rate, .. } = arguments;
        match shape {
            LoadShape::Batches => {
                Plan { batch: *batch, connections: connections.unwrap_or(4), rate: None }
            }
            LoadShape::Single => {
                Plan { batch: 1, connections: connections.unwrap_or(64), rate: None }
            }
            LoadShape::Rate => {
                Plan { batch: 1, connections: connections.unwrap_or(64), rate: Some(*rate) }
            }
        }
    }
}

/// What was measured.
#[derive(Default)]
struct Timed {
    payments: usize,
    time: Duration,
    micros: Vec<u64>,
    turned_away: u64,
    failed: u64,
}

impl Timed {
    /// In milliseconds; `permille` of the requests took no longer.
    fn quantile(&self, permille: usize) -> f64 {
        let at = (self.micros.len() * permille / 1_000).min(self.micros.len().saturating_sub(1));
        #[expect(clippy::cast_precision_loss, reason = "microseconds of a request")]
        let millis = self.micros.get(at).map_or(0.0, |&micros| micros as f64 / 1_000.0);
        millis
    }
}

async fn send(
    service: &Service,
    load: &Arc<Load>,
    range: std::ops::Range<usize>,
    plan: Plan,
) -> anyhow::Result<Timed> {
    let next = Arc::new(AtomicUsize::new(range.start));
    let mut connections = Vec::new();
    for _ in 0..plan.connections {
        let stream = TcpStream::connect(&service.address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let head = format!(
            "POST /v1/payments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n",
            service.key
        );
        connections.push(Connection { stream, head, buffer: Vec::new() });
    }
    let begun = settings::now();
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|connection| {
            let work =
                Work { load: Arc::clone(load), next: Arc::clone(&next), range: range.clone() };
            tokio::spawn(work.run(connection, plan, begun))
        })
        .collect();
    let mut all = Timed::default();
    for task in tasks {
        let mut timed = task.await.context("a connection gave up")??;
        all.payments += timed.payments;
        all.turned_away += timed.turned_away;
        all.failed += timed.failed;
        all.micros.append(&mut timed.micros);
    }
    all.time = begun.elapsed();
    all.micros.sort_unstable();
    Ok(all)
}

/// What a connection works on: the next of the payments, until there is none.
struct Work {
    load: Arc<Load>,
    next: Arc<AtomicUsize>,
    range: std::ops::Range<usize>,
}

impl Work {
    async fn run(
        self,
        mut connection: Connection,
        plan: Plan,
        begun: Instant,
    ) -> anyhow::Result<Timed> {
        let Work { load, next, range } = self;
        let mut timed = Timed::default();
        loop {
            let at = next.fetch_add(plan.batch, Ordering::Relaxed);
            if at >= range.end {
                return Ok(timed);
            }
            let lines = &load.lines[at..range.end.min(at + plan.batch)];
            let mut due = settings::now();
            if let Some(rate) = plan.rate {
                #[expect(clippy::cast_precision_loss, reason = "a count of payments")]
                let seconds = (at - range.start) as f64 / rate;
                due = begun + Duration::from_secs_f64(seconds);
                tokio::time::sleep_until(due.into()).await;
            }
            loop {
                match connection.ask(lines).await? {
                    200 => timed.payments += lines.len(),
                    429 => {
                        timed.turned_away += 1;
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                    _ => timed.failed += 1,
                }
                break;
            }
            timed.micros.push(u64::try_from(due.elapsed().as_micros())?);
        }
    }
}

struct Connection {
    stream: TcpStream,
    head: String,
    buffer: Vec<u8>,
}

impl Connection {
    /// Sends payments in one request, and reads the reply to its end; its status.
    async fn ask(&mut self, lines: &[String]) -> anyhow::Result<u16> {
        let kind = if lines.len() == 1 { "json" } else { "x-ndjson" };
        let length: usize = lines.iter().map(|line| line.len() + 1).sum();
        let mut request = format!(
            "{}Content-Type: application/{kind}\r\nContent-Length: {length}\r\n\r\n",
            self.head
        );
        for line in lines {
            request.push_str(line);
            request.push('\n');
        }
        let mut rest = request.as_bytes();
        self.buffer.clear();
        let mut head = None;
        loop {
            // A long request is answered while it is still being sent.
            if !rest.is_empty() {
                self.stream.writable().await?;
                match self.stream.try_write(rest) {
                    Ok(count) => rest = &rest[count..],
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error.into()),
                }
            } else {
                self.stream.readable().await?;
            }
            let mut part = [0; 16_384];
            match self.stream.try_read(&mut part) {
                Ok(0) => bail!("the service closed a connection"),
                Ok(count) => self.buffer.extend_from_slice(&part[..count]),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            }
            head = head.or_else(|| Head::read(&self.buffer));
            if rest.is_empty()
                && let Some(head) = &head
                && head.is_whole(&self.buffer)
            {
                return Ok(head.status);
            }
        }
    }
}

/// The head of a reply.
struct Head {
    status: u16,
    /// Where the body begins.
    body: usize,
    /// How long it is; none where it comes in chunks.
    length: Option<usize>,
}

impl Head {
    fn read(bytes: &[u8]) -> Option<Head> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let text = std::str::from_utf8(&bytes[..end]).ok()?.to_ascii_lowercase();
        let status = text.split(' ').nth(1)?.parse().ok()?;
        let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
        Some(Head { status, body: end + 4, length: length.and_then(|l| l.trim().parse().ok()) })
    }

    fn is_whole(&self, bytes: &[u8]) -> bool {
        match self.length {
            Some(length) => bytes.len() >= self.body + length,
            // No line of a verdict is `0`: the last chunk is the only one.
            None => bytes.ends_with(b"\r\n0\r\n\r\n") || bytes[self.body..] == *b"0\r\n\r\n",
        }
    }
}

/// Says what is about to be done; it takes a while.
pub(super) fn tell(arguments: &BenchServe) {
    terminal::note(format_args!(
        "{} simulated payments of {} accounts fill the window, {} are timed",
        terminal::grouped(arguments.warm as u64),
        terminal::grouped(u64::from(arguments.accounts)),
        terminal::grouped(arguments.payments as u64),
    ));
}
