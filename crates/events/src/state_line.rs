//! Reads a line of the state stream in one pass.
//!
//! serde's own tagged enums copy every value before they know the variant. Our lines begin with `log`, `seq`, `ts` and
//! `event`, so the rest can be read straight into the variant; a line in another order is read twice.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, EnumAccess, IgnoredAny, MapAccess, VariantAccess, Visitor},
};

use crate::{
    Cause, CheckCount, FailedCheck, StateEvent, StateRecord, StepInfo, SwitchDone, SwitchKind, Text,
    Timestamp, Trigger, codec::Envelope,
};

/// How each event's fields are read; what the seed's lines lack has a default.
#[derive(Deserialize)]
#[serde(remote = "StateEvent", rename_all = "snake_case")]
enum Fields<'a> {
    BackendStarted {
        #[serde(borrow, default)]
        version: Text<'a>,
        #[serde(borrow, default)]
        image_step: Option<Text<'a>>,
        #[serde(borrow, default)]
        workshop: Text<'a>,
        #[serde(borrow, default)]
        navigation: Text<'a>,
        #[serde(borrow, default)]
        steps: Vec<StepInfo<'a>>,
        #[serde(borrow, default)]
        switch: Option<Box<SwitchDone<'a>>>,
    },
    Connected {
        #[serde(borrow, default)]
        session: Option<Text<'a>>,
        #[serde(borrow, default)]
        client: Option<Text<'a>>,
    },
    Disconnected {
        #[serde(borrow, default)]
        session: Option<Text<'a>>,
        #[serde(borrow, default)]
        client: Option<Text<'a>>,
    },
    StepViewed {
        #[serde(borrow)]
        step: Text<'a>,
    },
    StepStart {
        #[serde(borrow)]
        step: Text<'a>,
        #[serde(default)]
        cause: Cause,
    },
    GossResult {
        #[serde(borrow)]
        step: Text<'a>,
        passed: bool,
        #[serde(default)]
        checks: CheckCount,
        #[serde(default)]
        trigger: Trigger,
        #[serde(borrow, default)]
        failed: Vec<FailedCheck<'a>>,
    },
    StepMarked {
        #[serde(borrow)]
        step: Text<'a>,
    },
    HelpOpened {
        #[serde(borrow)]
        step: Text<'a>,
        #[serde(borrow)]
        mode: Text<'a>,
        #[serde(borrow)]
        source: Text<'a>,
    },
    SwitchRequested {
        #[serde(borrow)]
        step: Text<'a>,
        kind: SwitchKind,
        #[serde(borrow)]
        request: Text<'a>,
    },
    SwitchFailed {
        #[serde(borrow)]
        step: Text<'a>,
        #[serde(borrow)]
        request: Text<'a>,
        #[serde(borrow, default)]
        reason: Text<'a>,
    },
    SessionOpened {
        #[serde(borrow)]
        session: Text<'a>,
        #[serde(borrow, default)]
        name: Text<'a>,
        #[serde(borrow, default)]
        cast: Option<Text<'a>>,
    },
    SessionClosed {
        #[serde(borrow)]
        session: Text<'a>,
        #[serde(default)]
        exit: Option<i32>,
    },
    RecordingStopped {
        #[serde(borrow)]
        session: Text<'a>,
        #[serde(borrow, default)]
        reason: Text<'a>,
    },
    RecordingStarted {
        #[serde(borrow)]
        session: Text<'a>,
        #[serde(borrow)]
        cast: Text<'a>,
        #[serde(default)]
        at: f64,
    },
    ClockStepped {
        from: Timestamp,
        to: Timestamp,
    },
    /// Never read from a line by this name: see [`KNOWN`].
    Unknown {
        #[serde(borrow)]
        name: Text<'a>,
    },
}

/// The events of this version.
const KNOWN: [&str; 15] = [
    "backend_started",
    "connected",
    "disconnected",
    "step_viewed",
    "step_start",
    "goss_result",
    "step_marked",
    "help_opened",
    "switch_requested",
    "switch_failed",
    "session_opened",
    "session_closed",
    "recording_stopped",
    "recording_started",
    "clock_stepped",
];

impl<'a> StateRecord<'a> {
    /// Reads one line (without its newline).
    ///
    /// # Errors
    /// When the line is not a JSON object, lacks a field that its event needs, or has one of the wrong type.
    pub fn from_line(line: &'a str) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(line);
        let head = deserializer.deserialize_map(LineVisitor)?;
        deserializer.end()?;
        let event = match head.event {
            Some(event) => event,
            None => {
                let mut again = serde_json::Deserializer::from_str(line);
                again.deserialize_map(EventVisitor(head.name))?
            }
        };
        Ok(Self { log: head.log, seq: head.seq, ts: head.ts, event })
    }
}

impl<'a> StateRecord<'a> {
    /// Reads a line of ours whose head was read already; `object` holds the event and its fields.
    #[inline]
    pub(crate) fn from_own(head: &Envelope<'a>, object: &'a str) -> Result<Self, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(object);
        let event = deserializer.deserialize_map(OwnVisitor)?;
        deserializer.end()?;
        Ok(Self { log: Some(head.log.into()), seq: Some(head.seq), ts: head.ts, event })
    }
}

/// Reads the fields of our own line: the event's name is the first.
struct OwnVisitor;

impl<'de> Visitor<'de> for OwnVisitor {
    type Value = StateEvent<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a state event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<StateEvent<'de>, A::Error> {
        match map.next_entry::<Key, Text<'de>>()? {
            Some((Key::Event, name)) => read_event(name, &mut map),
            _ => Err(de::Error::custom("a line of this project begins with its event")),
        }
    }
}

/// What every line has, and its event where that could be read along.
struct Head<'a> {
    log: Option<Text<'a>>,
    seq: Option<u64>,
    ts: Timestamp,
    name: Text<'a>,
    event: Option<StateEvent<'a>>,
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Log,
    Seq,
    Ts,
    Event,
    #[serde(other)]
    Other,
}

struct LineVisitor;

impl<'de> Visitor<'de> for LineVisitor {
    type Value = Head<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a state event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Head<'de>, A::Error> {
        let (mut log, mut seq, mut ts, mut name) = (None, None, None, None);
        let mut passed_over = false;
        while let Some(key) = map.next_key()? {
            match key {
                Key::Log => once(&mut log, "log", map.next_value::<Option<Text<'de>>>()?)?,
                Key::Seq => once(&mut seq, "seq", map.next_value::<Option<u64>>()?)?,
                Key::Ts => once(&mut ts, "ts", map.next_value::<Timestamp>()?)?,
                Key::Event => once(&mut name, "event", map.next_value::<Text<'de>>()?)?,
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                    passed_over = true;
                }
            }
            // A field of the event that stood before its name is found by the second reading.
            if let (Key::Event, Some(log), Some(seq), Some(ts), false) = (&key, &log, seq, ts, passed_over) {
                let name = name.unwrap_or_default();
                let event = read_event(name.clone(), &mut map)?;
                return Ok(Head { log: log.clone(), seq, ts, name, event: Some(event) });
            }
        }
        Ok(Head {
            log: log.flatten(),
            seq: seq.flatten(),
            ts: ts.ok_or_else(|| de::Error::missing_field("ts"))?,
            name: name.ok_or_else(|| de::Error::missing_field("event"))?,
            event: None,
        })
    }
}

fn once<T, E: de::Error>(slot: &mut Option<T>, name: &'static str, value: T) -> Result<(), E> {
    if slot.is_some() {
        return Err(E::duplicate_field(name));
    }
    *slot = Some(value);
    Ok(())
}

/// Reads the fields of the event that the line was found to have.
struct EventVisitor<'a>(Text<'a>);

impl<'de> Visitor<'de> for EventVisitor<'de> {
    type Value = StateEvent<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a state event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<StateEvent<'de>, A::Error> {
        read_event(self.0, &mut map)
    }
}

fn read_event<'de, A: MapAccess<'de>>(name: Text<'de>, map: &mut A) -> Result<StateEvent<'de>, A::Error> {
    if KNOWN.contains(&name.as_str()) {
        return Fields::deserialize(Event { name: &name, map });
    }
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(StateEvent::Unknown { name })
}

/// Presents a name and the rest of an object as the enum that serde derives.
struct Event<'n, 'm, A> {
    name: &'n str,
    map: &'m mut A,
}

impl<'de, A: MapAccess<'de>> Deserializer<'de> for Event<'_, '_, A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_enum(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, A: MapAccess<'de>> EnumAccess<'de> for Event<'_, '_, A> {
    type Error = A::Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), A::Error> {
        let variant = seed.deserialize(de::value::StrDeserializer::new(self.name))?;
        Ok((variant, self))
    }
}

impl<'de, A: MapAccess<'de>> VariantAccess<'de> for Event<'_, '_, A> {
    type Error = A::Error;

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        visitor.visit_map(self.map)
    }

    fn unit_variant(self) -> Result<(), A::Error> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, _: S) -> Result<S::Value, A::Error> {
        Err(de::Error::custom("an event has fields"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, A::Error> {
        Err(de::Error::custom("an event has fields"))
    }
}
