//! Names of students from many places: right to left, long, of one word, with marks and with pictures.

use crate::random::Random;

/// Whole names that a page must show well; every class of this size has them.
const PEOPLE: &[&str] = &[
    "Amara Okafor",
    "Jürgen Groß-Lüdtke",
    "محمد عبد الرحمن الأنصاري",
    "Zoë D’Angelo",
    "陈思远",
    "נועה בן־דוד",
    "Siobhán Ní Dhomhnaill",
    "Nguyễn Thị Minh Khai",
    "Björk Guðmundsdóttir",
    "Sukarno",
    "अनन्या कृष्णमूर्ति",
    "Mia 🦊 Lindqvist",
    "María del Carmen Hernández-Villavicencio y Fernández de Córdoba",
    "Þórarinn Æsir Øvrebø",
    "佐藤 ゆき",
    "فاطمه حسینی",
    "Ọlájùmọ̀kẹ́ Adébáyọ̀",
    "김하은",
    "Олександра Шевченко",
    "Ioannis Παπαδόπουλος",
    "Conor O'Brien",
    "ณัฐวุฒิ ศรีสวัสดิ์",
    "Li",
    "José “Pepe” Martínez",
    "ગીતા પટેલ",
    "Anne-Sophie de la Croix-Beauregard du Plessis",
    "Mehmet Yılmaz",
    "Tūī Ngāti-Porou",
    "Łukasz Brzęczyszczykiewicz",
    "👩🏽‍💻 Priya",
];

const FIRST: &[&str] = &[
    "Ada", "Bilal", "Chiara", "Dmitri", "Elif", "Femi", "Grace", "Hana", "Ivan", "Jamila", "Kofi", "Leila",
    "Marek", "Nia", "Omar", "Paula", "Quentin", "Rosa", "Samir", "Tove", "Uma", "Viktor", "Wei", "Xenia",
    "Yusuf", "Zuzana", "Anaïs", "Bjørn", "Çağla", "Đorđe", "Émile", "Håkan", "Ívar", "Jiří", "Květa", "Löwe",
    "Márta", "Nuño", "Özlem",
];

const LAST: &[&str] = &[
    "Abebe",
    "Bianchi",
    "Castillo",
    "Dąbrowski",
    "Eriksen",
    "Fischer",
    "García",
    "Horváth",
    "Ibrahim",
    "Jansen",
    "Kowalczyk",
    "Lefèvre",
    "Moreau",
    "Novák",
    "Okonkwo",
    "Petrović",
    "Quispe",
    "Rossi",
    "Şahin",
    "Takahashi",
    "Ürgüplü",
    "Vasquez",
    "Weiß",
    "Xu",
    "Yamamoto",
    "Zhang",
    "Ångström",
    "Bēkons",
    "Côté",
    "Ðukić",
    "Müller",
];

/// The name of a student, counted from 0.
pub fn student_name(seed: u64, index: usize) -> String {
    if let Some(name) = PEOPLE.get(index) {
        return (*name).to_owned();
    }
    let mut random = Random::new(seed ^ 0x6e61_6d65, index as u64);
    let (first, last) = (random.one(FIRST), random.one(LAST));
    match random.below(8) {
        0 => format!("{first} {}. {last}", random.one(FIRST).chars().next().unwrap_or('A')),
        1 => format!("{first} {last}-{}", random.one(LAST)),
        _ => format!("{first} {last}"),
    }
}
