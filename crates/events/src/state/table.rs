//! Makes the type of state events out of one table: an event that is added there can be written, read and named, and
//! is in the schema.

/// An entry of the table is a variant, its name in the log, and its fields in the order in which they are written.
/// A field with `= default` may be absent from a line. The other attributes say how a field is written.
macro_rules! state_events {
    ($(
        $(#[$about:meta])*
        $variant:ident = $name:literal {
            $( $(#[$attribute:meta])* $field:ident: $type:ty $(= $default:ident)?, )*
        }
    )*) => {
        /// What happened. Events of later versions are read as [`StateEvent::Unknown`] and skipped by the fold.
        #[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
        #[schemars(rename = "StateEvent")]
        #[serde(tag = "event", rename_all = "snake_case")]
        pub enum StateEvent<'a> {
            $(
                $(#[$about])*
                #[serde(rename = $name)]
                $variant { $( $(#[$attribute])* $(#[schemars($default)])? $field: $type, )* },
            )*
            /// An event of a later version; its line survives, folds skip it.
            Unknown {
                /// Its name.
                name: Text<'a>,
            },
        }

        impl<'a> StateEvent<'a> {
            /// The value of the `event` field.
            pub fn name(&self) -> &str {
                match self {
                    $( Self::$variant { .. } => $name, )*
                    Self::Unknown { name } => name,
                }
            }

            /// Reads the fields of an event from its line, in any order.
            pub(super) fn read(name: Text<'a>, line: &'a str) -> Result<Self, serde_json::Error> {
                match name.as_str() {
                    $( $name => {
                        #[derive(Deserialize)]
                        #[serde(bound(deserialize = "'de: 'a"))]
                        struct Fields<'a> {
                            $( $(#[serde($default)])? $field: $type, )*
                            #[serde(skip)]
                            _line: PhantomData<&'a str>,
                        }
                        let Fields { $( $field, )* .. } = serde_json::from_str(line)?;
                        Ok(Self::$variant { $( $field, )* })
                    } )*
                    _ => Ok(Self::Unknown { name }),
                }
            }

            /// Reads the fields of an event in the order in which they are written; `None` when they are in another,
            /// or the event is not known.
            pub(super) fn read_in_order(name: &str, fields: &mut FieldsInOrder<'a>) -> Option<Self> {
                Some(match name {
                    $( $name => Self::$variant {
                        $( $field: fields
                            .next(concat!(",\"", stringify!($field), "\":"))
                            $( .or_else(|| Some(Default::$default())) )? ?, )*
                    }, )*
                    _ => return None,
                })
            }
        }
    };
}

pub(super) use state_events;
