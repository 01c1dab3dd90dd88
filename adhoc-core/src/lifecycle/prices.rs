use std::collections::BTreeMap;

use serde::Deserialize;

use super::Money;

/// The built-in table.
const BUILT_IN: &str = include_str!("prices.json");

/// What AWS takes, at a date, by region: list prices of running things, without discounts, taxes and free tiers.
///
/// It can be read from any format that serde knows. The built-in one is an estimate; an account's own prices belong into a
/// file of its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct PriceTable {
    /// The day on which the prices held, such as `2026-03-01`.
    pub as_of: String,
    /// The pages that they are from.
    #[serde(default)]
    pub sources: Vec<String>,
    /// The region whose prices stand in for those that another one lacks.
    #[serde(default)]
    pub fallback: Option<String>,
    /// The prices by region.
    pub regions: BTreeMap<String, Prices>,
}

impl PriceTable {
    /// The built-in table.
    #[must_use]
    pub fn built_in() -> Self {
        serde_json::from_str(BUILT_IN).expect("a test reads the built-in table")
    }

    /// The prices of a region, with those of the fallback behind them.
    #[must_use]
    pub fn in_region<'a>(&'a self, region: &'a str) -> RegionalPrices<'a> {
        let fallback = self.fallback.as_deref().filter(|fallback| *fallback != region);
        let places = [Some(region), fallback].into_iter().flatten();
        RegionalPrices { tables: places.filter_map(|place| Some((place, self.regions.get(place)?))).collect(), region }
    }
}

/// The prices of one region; what is none is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Prices {
    /// A vCPU of Fargate on x86.
    pub fargate_vcpu_hour: Option<Money>,
    /// A GB of memory of Fargate on x86.
    pub fargate_gb_hour: Option<Money>,
    /// A vCPU of Fargate on ARM.
    pub fargate_arm_vcpu_hour: Option<Money>,
    /// A GB of memory of Fargate on ARM.
    pub fargate_arm_gb_hour: Option<Money>,
    /// A vCPU of Fargate Spot on x86. Spot prices move; the built-in ones are 70 percent off.
    pub fargate_spot_vcpu_hour: Option<Money>,
    /// A GB of memory of Fargate Spot on x86.
    pub fargate_spot_gb_hour: Option<Money>,
    /// A vCPU of Fargate Spot on ARM.
    pub fargate_spot_arm_vcpu_hour: Option<Money>,
    /// A GB of memory of Fargate Spot on ARM.
    pub fargate_spot_arm_gb_hour: Option<Money>,
    /// An application load balancer, without its capacity units.
    pub load_balancer_hour: Option<Money>,
    /// A NAT gateway, without the gigabytes that it passes on.
    pub nat_gateway_hour: Option<Money>,
    /// A public IPv4 address.
    pub public_address_hour: Option<Money>,
    /// A GB of gp3 storage of RDS, single-AZ.
    pub database_gb_month: Option<Money>,
    /// RDS for PostgreSQL, single-AZ, by instance class.
    pub database_hours: BTreeMap<String, Money>,
    /// EC2 on demand with Linux, by instance type.
    pub instance_hours: BTreeMap<String, Money>,
}

/// The prices of one region, with those of another one behind them.
#[derive(Debug, Clone)]
pub struct RegionalPrices<'a> {
    region: &'a str,
    tables: Vec<(&'a str, &'a Prices)>,
}

impl<'a> RegionalPrices<'a> {
    /// A price, and the region that it is of where that is another one.
    pub(super) fn find(&self, price: impl Fn(&Prices) -> Option<Money>) -> Option<(Money, Option<&'a str>)> {
        let found = self.tables.iter().find_map(|(place, prices)| Some((*place, price(prices)?)));
        found.map(|(place, amount)| (amount, Some(place).filter(|place| *place != self.region)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_is_whole_where_it_is_the_fallback() {
        let table = PriceTable::built_in();
        let prices = &table.regions[table.fallback.as_deref().expect("named")];
        let all = [
            prices.fargate_vcpu_hour,
            prices.fargate_gb_hour,
            prices.fargate_arm_vcpu_hour,
            prices.fargate_arm_gb_hour,
            prices.fargate_spot_vcpu_hour,
            prices.fargate_spot_gb_hour,
            prices.fargate_spot_arm_vcpu_hour,
            prices.fargate_spot_arm_gb_hour,
            prices.load_balancer_hour,
            prices.nat_gateway_hour,
            prices.public_address_hour,
            prices.database_gb_month,
        ];
        assert!(all.iter().all(Option::is_some), "{prices:?}");
        // The defaults of terraform/shared.
        assert!(prices.database_hours.contains_key("db.t4g.micro") && prices.instance_hours.contains_key("t4g.nano"));
        assert!(!table.sources.is_empty());
    }

    #[test]
    fn another_region_stands_in_and_is_named() {
        let table = PriceTable::built_in();
        let nat = |prices: &Prices| prices.nat_gateway_hour;
        let amount = Money::from_micros;
        assert_eq!(table.in_region("eu-central-1").find(nat), Some((amount(52_000), None)));
        assert_eq!(table.in_region("sa-east-1").find(nat), Some((amount(45_000), Some("us-east-1"))));
        assert_eq!(table.in_region("us-east-1").find(|it| it.instance_hours.get("x9").copied()), None);
    }
}
