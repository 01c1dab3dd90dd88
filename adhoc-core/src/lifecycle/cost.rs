use serde::Serialize;

use super::Money;
use super::prices::{Prices, RegionalPrices};

const HOURS_A_DAY: u64 = 24;

/// 1024 CPU units are a vCPU, and 1024 MiB a GB.
const UNIT: u64 = 1024;

/// What a service runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceUsage {
    /// The service.
    pub service: String,
    /// How many tasks it should have.
    pub tasks: u32,
    /// How many of them are on Fargate Spot.
    pub spot_tasks: u32,
    /// The CPU units of a task; 1024 are one vCPU.
    pub cpu: u32,
    /// The memory of a task, in MiB.
    pub memory_mib: u32,
    /// Whether they run on ARM.
    pub arm: bool,
    /// Whether they run on Fargate; otherwise their host is what costs.
    pub fargate: bool,
}

impl ServiceUsage {
    /// Tasks of so many CPU units and MiB, on demand and on x86.
    pub fn new(service: impl Into<String>, tasks: u32, cpu: u32, memory_mib: u32) -> Self {
        Self { service: service.into(), tasks, spot_tasks: 0, cpu, memory_mib, arm: false, fargate: true }
    }

    /// Says how many of the tasks are on Fargate Spot.
    #[must_use]
    pub fn with_spot_tasks(mut self, spot_tasks: u32) -> Self {
        self.spot_tasks = spot_tasks.min(self.tasks);
        self
    }

    /// Says whether they run on ARM.
    #[must_use]
    pub fn with_arm(mut self, arm: bool) -> Self {
        self.arm = arm;
        self
    }

    /// Says whether they run on Fargate.
    #[must_use]
    pub fn with_fargate(mut self, fargate: bool) -> Self {
        self.fargate = fargate;
        self
    }
}

/// What environments share.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SharedUsage {
    /// How many application load balancers.
    pub load_balancers: u32,
    /// How many NAT gateways.
    pub nat_gateways: u32,
    /// How many public IPv4 addresses, those of load balancers and NAT gateways.
    pub public_addresses: u32,
    /// The databases.
    pub databases: Vec<DatabaseUsage>,
    /// The instances.
    pub instances: Vec<InstanceUsage>,
}

/// A database server.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DatabaseUsage {
    /// Its name.
    pub name: String,
    /// Its class, such as `db.t4g.micro`.
    pub class: String,
    /// Its storage in GB.
    pub storage_gb: u32,
    /// Whether it has a standby, which doubles everything.
    pub multi_az: bool,
    /// Whether it runs; a stopped one costs its storage.
    pub running: bool,
}

impl DatabaseUsage {
    /// A running server without a standby.
    pub fn new(name: impl Into<String>, class: impl Into<String>, storage_gb: u32) -> Self {
        Self { name: name.into(), class: class.into(), storage_gb, multi_az: false, running: true }
    }

    /// Says whether it has a standby.
    #[must_use]
    pub fn with_standby(mut self, multi_az: bool) -> Self {
        self.multi_az = multi_az;
        self
    }

    /// Says whether it runs.
    #[must_use]
    pub fn with_running(mut self, running: bool) -> Self {
        self.running = running;
        self
    }
}

/// A running EC2 instance.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct InstanceUsage {
    /// Its name.
    pub name: String,
    /// Its type, such as `t4g.nano`.
    pub instance_type: String,
}

impl InstanceUsage {
    /// An instance.
    pub fn new(name: impl Into<String>, instance_type: impl Into<String>) -> Self {
        Self { name: name.into(), instance_type: instance_type.into() }
    }
}

/// What something costs per day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CostItem {
    /// What costs it.
    pub name: String,
    /// How much of what, such as `2 x 0.25 vCPU, 0.5 GB, spot`.
    pub detail: String,
    /// The cost; none where there is no price for it.
    pub per_day: Option<Money>,
    /// The region whose price stands in, where the table has none for this one.
    pub priced_in: Option<String>,
}

/// The cost of all items, and whether some have no price and so are missing.
#[must_use]
pub fn total_cost(items: &[CostItem]) -> (Money, bool) {
    (items.iter().filter_map(|item| item.per_day).sum(), items.iter().any(|item| item.per_day.is_none()))
}

/// What the services of an environment cost per day if they go on as they are: vCPU and memory of Fargate, nothing else.
/// Whether some could not be priced is what [`cost_of_services`] tells.
#[must_use]
pub fn daily_cost(services: &[ServiceUsage], prices: &RegionalPrices<'_>) -> Money {
    total_cost(&cost_of_services(services, prices)).0
}

/// [`daily_cost`] by service.
#[must_use]
pub fn cost_of_services(services: &[ServiceUsage], prices: &RegionalPrices<'_>) -> Vec<CostItem> {
    services.iter().map(|service| of_service(service, prices)).collect()
}

fn of_service(service: &ServiceUsage, prices: &RegionalPrices<'_>) -> CostItem {
    let mut item = CostItem::new(&service.service, detail(service));
    if !service.fargate || service.tasks == 0 {
        return item.with_price(Some((Money::default(), None)));
    }
    let on_demand = service.tasks.saturating_sub(service.spot_tasks);
    item = item.with_price(Some((Money::default(), None)));
    for (tasks, spot) in [(on_demand, false), (service.spot_tasks, true)] {
        if tasks > 0 {
            let (vcpu, gb) =
                (prices.find(|it| vcpu_hour(it, service.arm, spot)), prices.find(|it| gb_hour(it, service.arm, spot)));
            item = item.plus(vcpu, |hour| per_day(hour, tasks).share(service.cpu.into(), UNIT));
            item = item.plus(gb, |hour| per_day(hour, tasks).share(service.memory_mib.into(), UNIT));
        }
    }
    item
}

fn vcpu_hour(prices: &Prices, arm: bool, spot: bool) -> Option<Money> {
    match (arm, spot) {
        (false, false) => prices.fargate_vcpu_hour,
        (true, false) => prices.fargate_arm_vcpu_hour,
        (false, true) => prices.fargate_spot_vcpu_hour,
        (true, true) => prices.fargate_spot_arm_vcpu_hour,
    }
}

fn gb_hour(prices: &Prices, arm: bool, spot: bool) -> Option<Money> {
    match (arm, spot) {
        (false, false) => prices.fargate_gb_hour,
        (true, false) => prices.fargate_arm_gb_hour,
        (false, true) => prices.fargate_spot_gb_hour,
        (true, true) => prices.fargate_spot_arm_gb_hour,
    }
}

/// What something costs per day of which `count` are there.
fn per_day(hour: Money, count: u32) -> Money {
    hour.times(HOURS_A_DAY).times(count.into())
}

fn detail(service: &ServiceUsage) -> String {
    if !service.fargate {
        return format!("{} on hosts of its own, which are not counted", tasks(service.tasks));
    }
    if service.tasks == 0 {
        return "stopped".to_owned();
    }
    let (cpu, memory) = (decimal(service.cpu), decimal(service.memory_mib));
    let arm = if service.arm { ", ARM" } else { "" };
    let spot = match service.spot_tasks {
        0 => String::new(),
        all if all == service.tasks => ", Spot".to_owned(),
        some => format!(", {some} on Spot"),
    };
    format!("{} x {cpu} vCPU, {memory} GB{arm}{spot}", service.tasks)
}

fn tasks(count: u32) -> String {
    if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") }
}

/// 1024ths as a decimal: `0.25`, `2`.
fn decimal(units: u32) -> String {
    let hundredths = (u64::from(units) * 100 + UNIT / 2) / UNIT;
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What environments share, by item.
#[must_use]
pub fn cost_of_shared(shared: &SharedUsage, prices: &RegionalPrices<'_>) -> Vec<CostItem> {
    let hourly = [
        ("load balancer", shared.load_balancers, prices.find(|it| it.load_balancer_hour)),
        ("NAT gateway", shared.nat_gateways, prices.find(|it| it.nat_gateway_hour)),
        ("public addresses", shared.public_addresses, prices.find(|it| it.public_address_hour)),
    ];
    let counted = hourly.into_iter().filter(|(_, count, _)| *count > 0);
    let mut items: Vec<CostItem> = counted
        .map(|(name, count, price)| {
            CostItem::new(name, count.to_string()).with_price(price).scaled(|hour| per_day(hour, count))
        })
        .collect();
    items.extend(shared.databases.iter().map(|database| of_database(database, prices)));
    items.extend(shared.instances.iter().map(|instance| {
        let hour = prices.find(|it| it.instance_hours.get(&instance.instance_type).copied());
        CostItem::new(&instance.name, &instance.instance_type).with_price(hour).scaled(|hour| per_day(hour, 1))
    }));
    items
}

fn of_database(database: &DatabaseUsage, prices: &RegionalPrices<'_>) -> CostItem {
    let servers = if database.multi_az { 2 } else { 1 };
    let standby = if database.multi_az { ", with a standby" } else { "" };
    let stopped = if database.running { "" } else { ", stopped" };
    let detail = format!("{}, {} GB{standby}{stopped}", database.class, database.storage_gb);
    let storage = prices.find(|it| it.database_gb_month);
    let item = CostItem::new(&database.name, detail)
        .with_price(storage)
        .scaled(|month| month.times(u64::from(database.storage_gb) * servers).share(12, 365));
    if !database.running {
        return item;
    }
    let class = prices.find(|it| it.database_hours.get(&database.class).copied());
    item.plus(class, |hour| per_day(hour, 1).times(servers))
}

/// A price, and the region that it is of where that is another one.
type Price<'a> = Option<(Money, Option<&'a str>)>;

impl CostItem {
    fn new(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { name: name.into(), detail: detail.into(), per_day: None, priced_in: None }
    }

    fn with_price(mut self, price: Price<'_>) -> Self {
        self.per_day = price.map(|(amount, _)| amount);
        self.priced_in = price.and_then(|(_, place)| place).map(str::to_owned);
        self
    }

    fn scaled(mut self, scale: impl Fn(Money) -> Money) -> Self {
        self.per_day = self.per_day.map(scale);
        self
    }

    /// With one more part; an item of which one part has no price has none.
    fn plus(mut self, price: Price<'_>, scale: impl Fn(Money) -> Money) -> Self {
        self.per_day = self.per_day.zip(price).map(|(sum, (amount, _))| sum + scale(amount));
        self.priced_in = self.priced_in.or(price.and_then(|(_, place)| place).map(str::to_owned));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PriceTable;

    fn micros(services: &[ServiceUsage]) -> u64 {
        daily_cost(services, &PriceTable::built_in().in_region("us-east-1")).micros()
    }

    #[test]
    fn a_day_of_one_task_costs_its_vcpu_and_memory() {
        // 24 h x (1 vCPU x $0.04048 + 2 GB x $0.004445)
        assert_eq!(micros(&[ServiceUsage::new("alpha-gunicorn", 1, 1024, 2048)]), 24 * (40_480 + 2 * 4_445));
        // 24 h x (0.25 x $0.04048 + 0.5 x $0.004445), three times
        assert_eq!(micros(&[ServiceUsage::new("alpha-beat", 3, 256, 512)]), 3 * 24 * 10_120 + 3 * 12 * 4_445);
    }

    #[test]
    fn spot_and_arm_have_prices_of_their_own() {
        let two = ServiceUsage::new("alpha-default", 2, 1024, 1024);
        assert_eq!(micros(&[two.clone().with_spot_tasks(2)]), 2 * 24 * (12_144 + 1_334));
        assert_eq!(micros(&[two.clone().with_arm(true)]), 2 * 24 * (32_380 + 3_560));
        let mixed = two.with_spot_tasks(1);
        assert_eq!(micros(&[mixed]), 24 * (40_480 + 4_445 + 12_144 + 1_334));
    }

    #[test]
    fn what_is_stopped_or_on_hosts_costs_nothing_by_itself() {
        assert_eq!(micros(&[ServiceUsage::new("a", 0, 1024, 1024)]), 0);
        assert_eq!(micros(&[ServiceUsage::new("a", 2, 1024, 1024).with_fargate(false)]), 0);
    }

    #[test]
    fn details_say_what_is_paid_for() {
        let detail = |usage: ServiceUsage| super::detail(&usage);
        assert_eq!(detail(ServiceUsage::new("a", 2, 256, 512).with_spot_tasks(2)), "2 x 0.25 vCPU, 0.5 GB, Spot");
        assert_eq!(
            detail(ServiceUsage::new("a", 3, 2048, 8192).with_arm(true).with_spot_tasks(1)),
            "3 x 2 vCPU, 8 GB, ARM, 1 on Spot"
        );
        assert_eq!(detail(ServiceUsage::new("a", 0, 256, 512)), "stopped");
    }

    #[test]
    fn the_shared_part_is_what_runs_all_day() {
        let table = PriceTable::built_in();
        let mut shared =
            SharedUsage { load_balancers: 1, nat_gateways: 1, public_addresses: 3, ..SharedUsage::default() };
        shared.databases = vec![DatabaseUsage::new("dev-rds", "db.t4g.micro", 20)];
        shared.instances = vec![InstanceUsage::new("dev-bastion", "t4g.nano")];
        let items = cost_of_shared(&shared, &table.in_region("us-east-1"));
        let costs: Vec<u64> = items.iter().filter_map(|item| item.per_day).map(Money::micros).collect();
        // $0.115 x 20 GB x 12 months / 365 days = $0.075616
        assert_eq!(costs, [24 * 22_500, 24 * 45_000, 3 * 24 * 5_000, 24 * 16_000 + 75_616, 24 * 4_200]);
        assert_eq!(total_cost(&items), (Money::from_micros(costs.iter().sum()), false));
    }

    #[test]
    fn a_standby_doubles_and_a_stopped_database_keeps_its_storage() {
        let table = PriceTable::built_in();
        let cost = |database: DatabaseUsage| {
            let shared = SharedUsage { databases: vec![database], ..SharedUsage::default() };
            total_cost(&cost_of_shared(&shared, &table.in_region("us-east-1"))).0.micros()
        };
        let database = DatabaseUsage::new("dev-rds", "db.t4g.micro", 20);
        assert_eq!(cost(database.clone().with_standby(true)), 2 * 24 * 16_000 + 151_233);
        assert_eq!(cost(database.with_running(false)), 75_616);
    }

    #[test]
    fn what_has_no_price_is_missing_from_the_total_and_said_to_be() {
        let table = PriceTable::built_in();
        let shared =
            SharedUsage { instances: vec![InstanceUsage::new("dev-bastion", "x9.huge")], ..SharedUsage::default() };
        let items = cost_of_shared(&shared, &table.in_region("us-east-1"));
        assert_eq!((items[0].per_day, total_cost(&items)), (None, (Money::default(), true)));
    }

    #[test]
    fn a_price_of_another_region_is_marked() {
        let table = PriceTable::built_in();
        let items = cost_of_services(&[ServiceUsage::new("a", 1, 256, 512)], &table.in_region("sa-east-1"));
        assert_eq!(items[0].priced_in.as_deref(), Some("us-east-1"));
        assert!(items[0].per_day.is_some());
    }
}
