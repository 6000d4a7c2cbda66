//! The types of fields.
use std::fmt;
use std::marker::PhantomData;

use serde_json::Value as Json;

use super::form::{Form, Target};
use super::record::Shape;
use crate::kinds::Verb;
use crate::site::{Service, WorkKind};
use crate::{Time, Type};

/// One value of a field.
pub trait Value: Sized {
    const FORM: Form;
    const TYPE: Type = Type::Text;
    fn read(json: &Json) -> Option<Self>;
    fn json(&self) -> Json;
}

/// What a field holds: a value, perhaps a value, or several.
pub trait Content: Sized {
    const SHAPE: Shape;
    const FORM: Form;
    const TYPE: Type;
    /// `None` if the JSON is not of that form.
    fn read(json: Option<&Json>) -> Option<Self>;
    /// `None` where there is nothing to write.
    fn json(&self) -> Option<Json>;
}

impl<T: Value> Content for T {
    const SHAPE: Shape = Shape::One;
    const FORM: Form = T::FORM;
    const TYPE: Type = T::TYPE;
    fn read(json: Option<&Json>) -> Option<T> {
        Value::read(json?)
    }
    fn json(&self) -> Option<Json> {
        Some(Value::json(self))
    }
}

impl<T: Value> Content for Option<T> {
    const SHAPE: Shape = Shape::May;
    const FORM: Form = T::FORM;
    const TYPE: Type = T::TYPE;
    fn read(json: Option<&Json>) -> Option<Option<T>> {
        match json {
            None | Some(Json::Null) => Some(None),
            Some(json) => Value::read(json).map(Some),
        }
    }
    fn json(&self) -> Option<Json> {
        self.as_ref().map(Value::json)
    }
}

impl<T: Value> Content for Vec<T> {
    const SHAPE: Shape = Shape::List;
    const FORM: Form = T::FORM;
    const TYPE: Type = Type::List;
    fn read(json: Option<&Json>) -> Option<Vec<T>> {
        match json {
            None | Some(Json::Null) => Some(Vec::new()),
            Some(json) => json.as_array()?.iter().map(Value::read).collect(),
        }
    }
    fn json(&self) -> Option<Json> {
        (!self.is_empty()).then(|| self.iter().map(Value::json).collect())
    }
}

/// Several values, of which at least one must stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filled<T>(pub Vec<T>);

impl<T: Value> Content for Filled<T> {
    const SHAPE: Shape = Shape::Filled;
    const FORM: Form = T::FORM;
    const TYPE: Type = Type::List;
    fn read(json: Option<&Json>) -> Option<Filled<T>> {
        let values = <Vec<T> as Content>::read(json)?;
        (!values.is_empty()).then_some(Filled(values))
    }
    fn json(&self) -> Option<Json> {
        self.0.json()
    }
}

impl Value for String {
    const FORM: Form = Form::Text;
    fn read(json: &Json) -> Option<String> {
        json.as_str().map(str::to_owned)
    }
    fn json(&self) -> Json {
        self.as_str().into()
    }
}

impl Value for u64 {
    const FORM: Form = Form::Whole;
    const TYPE: Type = Type::Int;
    fn read(json: &Json) -> Option<u64> {
        json.as_u64()
    }
    fn json(&self) -> Json {
        (*self).into()
    }
}

impl Value for bool {
    const FORM: Form = Form::YesNo;
    const TYPE: Type = Type::Bool;
    fn read(json: &Json) -> Option<bool> {
        json.as_bool()
    }
    fn json(&self) -> Json {
        (*self).into()
    }
}

impl Value for Time {
    const FORM: Form = Form::Time;
    const TYPE: Type = Type::Time;
    fn read(json: &Json) -> Option<Time> {
        Time::parse(json.as_str()?)
    }
    fn json(&self) -> Json {
        self.to_string().into()
    }
}

/// A day, in the terminal's own calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(jiff::civil::Date);

impl Date {
    /// Reads `2026-11-21`, and nothing else that might be one.
    pub fn parse(text: &str) -> Option<Date> {
        let date: jiff::civil::Date = text.parse().ok()?;
        (date.to_string() == text).then_some(Date(date))
    }

    /// The day on which a time lies in the time zone of that IANA name; in UTC if the name is unknown.
    pub fn of(time: Time, zone: &str) -> Option<Date> {
        Zone::named(zone).day(time)
    }

    /// When the day ends in that time zone.
    pub fn end(self, zone: &str) -> Option<Time> {
        Zone::named(zone).end_of(self)
    }

    /// So many days later; `None` beyond the calendar.
    pub fn plus_days(self, days: i64) -> Option<Date> {
        let span = jiff::Span::new().try_days(days).ok()?;
        self.0.checked_add(span).ok().map(Date)
    }

    /// Days from an earlier day to this one.
    pub fn days_since(self, earlier: Date) -> i64 {
        let days = self.0.since((jiff::Unit::Day, earlier.0));
        days.map_or(0, |span| i64::from(span.get_days()))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A time zone for those who ask it of many times: it is looked up by its name once.
#[derive(Clone, Debug)]
pub struct Zone(jiff::tz::TimeZone);

impl Zone {
    /// The time zone of that IANA name; UTC if the name is unknown.
    pub fn named(name: &str) -> Zone {
        Zone(jiff::tz::TimeZone::get(name).unwrap_or(jiff::tz::TimeZone::UTC))
    }

    /// The day on which a time lies.
    pub fn day(&self, time: Time) -> Option<Date> {
        let stamp = jiff::Timestamp::from_nanosecond(i128::from(time.0)).ok()?;
        Some(Date(self.0.to_datetime(stamp).date()))
    }

    /// When a day ends.
    pub fn end_of(&self, day: Date) -> Option<Time> {
        let next = day.0.tomorrow().ok()?;
        let next = self
            .0
            .to_timestamp(next.to_datetime(jiff::civil::Time::midnight()));
        i64::try_from(next.ok()?.as_nanosecond()).ok().map(Time)
    }
}

impl Value for Date {
    const FORM: Form = Form::Date;
    fn read(json: &Json) -> Option<Date> {
        Date::parse(json.as_str()?)
    }
    fn json(&self) -> Json {
        self.to_string().into()
    }
}

/// The SHA-256 of a file: 64 hexadecimal digits in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(String);

impl Sha256 {
    /// Upper case and the prefix `sha256:` are taken, and not kept.
    pub fn parse(text: &str) -> Option<Sha256> {
        let digits = text.strip_prefix("sha256:").unwrap_or(text);
        let whole = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        whole.then(|| Sha256(digits.to_ascii_lowercase()))
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Value for Sha256 {
    const FORM: Form = Form::Sha256;
    fn read(json: &Json) -> Option<Sha256> {
        Sha256::parse(json.as_str()?)
    }
    fn json(&self) -> Json {
        self.0.as_str().into()
    }
}

/// What a work order allows: an operation, a remote session, a file.
impl Value for WorkKind {
    const FORM: Form = Form::Words(|| {
        let also = [
            (
                "remote-session",
                "A session by which someone works on a host from elsewhere.",
            ),
            ("file", "A file carried from one to the other."),
        ];
        let verbs = Verb::ALL.iter().map(|verb| (verb.name(), verb.doc()));
        verbs.chain(also).collect()
    });
    fn read(json: &Json) -> Option<WorkKind> {
        Some(match json.as_str()? {
            "remote-session" => WorkKind::RemoteSession,
            "file" => WorkKind::File,
            verb => WorkKind::Operation(Verb::parse(verb)?),
        })
    }
    fn json(&self) -> Json {
        self.to_string().into()
    }
}

/// A service, as conduits of the site file name it.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceName {
    text: String,
    /// The same, read.
    pub service: Service,
}

impl Value for ServiceName {
    const FORM: Form = Form::Service;
    fn read(json: &Json) -> Option<ServiceName> {
        let text = json.as_str()?.to_owned();
        let service = text.parse().ok()?;
        Some(ServiceName { text, service })
    }
    fn json(&self) -> Json {
        self.text.as_str().into()
    }
}

/// The name of something declared elsewhere: in the site file, or by another record.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ref<T>(pub String, PhantomData<T>);

impl<T> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ref({:?})", self.0)
    }
}

/// What a name may be that of.
pub trait Named {
    const TARGETS: &'static [Target];
}

/// One thing that has names; a record kind is one too.
pub trait Declared {
    const TARGET: Target;
}

impl<T: Declared> Named for T {
    const TARGETS: &'static [Target] = &[T::TARGET];
}

impl<A: Declared, B: Declared> Named for (A, B) {
    const TARGETS: &'static [Target] = &[A::TARGET, B::TARGET];
}

impl<A: Declared, B: Declared, C: Declared> Named for (A, B, C) {
    const TARGETS: &'static [Target] = &[A::TARGET, B::TARGET, C::TARGET];
}

impl<T: Named> Value for Ref<T> {
    const FORM: Form = Form::Name(T::TARGETS);
    fn read(json: &Json) -> Option<Ref<T>> {
        json.as_str().map(|name| Ref(name.to_owned(), PhantomData))
    }
    fn json(&self) -> Json {
        self.0.as_str().into()
    }
}

macro_rules! declared {
    ($($(#[doc = $doc:literal])+ $name:ident = $target:ident;)*) => { $(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {}
        impl Declared for $name {
            const TARGET: Target = Target::$target;
        }
    )* };
}

declared! {
    /// An asset of the site file.
    AssetName = Asset;
    /// A crane that zones or assets of the site file name.
    Crane = Crane;
    /// A zone of the site file.
    ZoneName = Zone;
    /// A third party of the site file.
    Party = Party;
    /// A conduit of the site file, or one that is recorded.
    Conduit = Conduit;
    /// A work order of the site file, or one that is recorded.
    WorkOrder = WorkOrder;
}
