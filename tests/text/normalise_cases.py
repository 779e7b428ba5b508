"""The usual hard cases of English text normalisation: written, and as it is to be spoken."""

NUMBERS = """
0 = zero
7 = seven
-5 = minus five
−5 = minus five
15 = fifteen
100 = one hundred
105 = one hundred and five
1,234 = one thousand two hundred and thirty-four
1,002,003.89 = one million two thousand and three point eight nine
1\u00a0234\u00a0567 = one million two hundred and thirty-four thousand five hundred and sixty-seven
1_000_000 = one million
3.14 = three point one four
0.5 = zero point five
.5 = point five
-0.75 = minus zero point seven five
007 = zero zero seven
1000000000000 = one trillion
10,000,000,000,000 = ten trillion
4111111111111111 = four one one one one one one one one one one one one one one one
4111 1111 1111 1111 = four one one one, one one one one, one one one one, one one one one
1st = first
2nd = second
3rd = third
22nd = twenty-second
101st = one hundred and first
1,001st = one thousand and first
the 21ST century = the twenty-first century
1e6 = one times ten to the power of six
1.5e-3 = one point five times ten to the power of minus three
10^6 = ten to the power of six
10⁶ = ten to the power of six
٣ = three
１２ = twelve
10k = ten thousand
5M users = five million users
12 eggs, 3 cats = twelve eggs, three cats
1.5M = one point five million
3M makes tape = three M makes tape
Flat 12A, exit 12B = Flat twelve A, exit twelve B
i7-9700K = i seven nine seven zero zero K
5.97 × 10^24 kg = five point nine seven times ten to the power of twenty-four kilograms
3 × 10⁸ m/s = three times ten to the power of eight meters per second
7×8 = seven times eight
"""

YEARS = """
in 1984 = in nineteen eighty-four
in 1905 = in nineteen oh five
in 1900 = in nineteen hundred
in 2000 = in two thousand
in 2005 = in two thousand and five
in 2024 = in twenty twenty-four
since 1066? = since one thousand and sixty-six?
in 1215 = in twelve fifteen
the 1900s = the nineteen hundreds
the 1980s = the nineteen eighties
the '90s = the nineties
the ’60s = the sixties
in her 30s = in her thirties
the 2010s = the twenty tens
class of '89 = class of eighty-nine
1990–1995 = nineteen ninety to nineteen ninety-five
1990-95 = nineteen ninety to ninety-five
2000 people = two thousand people
2048 bytes = two thousand and forty-eight bytes
44 BC = forty-four B C
It was 1999. = It was nineteen ninety-nine.
the mid-1980s = the mid nineteen eighties
"""

MONEY = """
$3.50 = three dollars and fifty cents
$1 = one dollar
$1.00 = one dollar
$0.99 = ninety-nine cents
$0.01 = one cent
$1,234.56 = one thousand two hundred and thirty-four dollars and fifty-six cents
-$5 = minus five dollars
£1.99 = one pound and ninety-nine pence
€20 = twenty euros
20€ = twenty euros
20 € = twenty euros
€3,50 = three euros and fifty cents
¥500 = five hundred yen
₹100 = one hundred rupees
$1.2 million = one point two million dollars
$5k = five thousand dollars
$3M = three million dollars
£2bn = two billion pounds
US$20 = twenty US dollars
20 USD = twenty US dollars
EUR 20 = twenty euros
100 GBP = one hundred pounds
5¢ = five cents
1¢ = one cent
$10-20 = ten to twenty dollars
$10–$20 = ten to twenty dollars
$5-10 million = five to ten million dollars
a $5 bill = a five dollar bill
a $1 million prize = a one million dollar prize
$15/hour = fifteen dollars per hour
It costs $5. = It costs five dollars.
$5.00-$7.50 = five dollars to seven dollars and fifty cents
Rs. 500 = five hundred rupees
₹5 lakh = five lakh rupees
"""

DATES = """
2026-11-20 = November twentieth, twenty twenty-six
11/20/2026 = November twentieth, twenty twenty-six
20/11/2026 = November twentieth, twenty twenty-six
20.11.2026 = November twentieth, twenty twenty-six
11/20/26 = November twentieth, twenty twenty-six
Nov. 20, 2026 = November twentieth, twenty twenty-six
November 20th = November twentieth
20 November 2026 = the twentieth of November, twenty twenty-six
the 4th of July = the fourth of July
on 1 May = on the first of May
Dec 25 = December twenty-fifth
Sept. 2026 = September twenty twenty-six
May 5-7 = May fifth to seventh
June 1, 1999, was = June first, nineteen ninety-nine, was
Mon, Nov 20 = Monday, November twentieth
Mon-Fri = Monday to Friday
2026-11-20T17:45:00Z = November twentieth, twenty twenty-six at seventeen forty-five
13/13/2026 = thirteen slash thirteen slash two thousand and twenty-six
You may 5 = You may five
RSVP by 6/1 = R S V P by June first
ships 5/6 = ships May sixth
on 9/11 = on nine eleven
up by 1/3 = up by one third
Feb. 30 days = February thirty days
Tues at noon = Tuesday at noon
Fri 13th = Friday thirteenth
Mon.-Fri. 9-5 = Monday to Friday nine to five
"""

TIMES = """
5:30 p.m. = five thirty P M.
at 5:30 p.m. we ate = at five thirty P M we ate
We met at 5 p.m. Then we left. = We met at five P M. Then we left.
17:45 = seventeen forty-five
9 am = nine A M
9am = nine A M
12:00 = twelve o'clock
17:00 = seventeen hundred
5:05 = five oh five
12:30 PM = twelve thirty P M
9am-5pm = nine A M to five P M
5:30–6:30 = five thirty to six thirty
17:45:30 = seventeen forty-five and thirty seconds
16:9 = sixteen to nine
5 o'clock = five o'clock
10 a.m.-4 p.m. we = ten A M to four P M we
5:00 p.m. we = five P M we
7.30pm = seven thirty P M
7.30 p.m. we = seven thirty P M we
15:30h = fifteen thirty
3-5 p.m. we = three to five P M we
6:00:30 = six o'clock and thirty seconds
Psalm 23:4 = Psalm twenty-three verse four
Gen. 3:5 = Genesis three verse five
1 Cor. 13:4-7 = First Corinthians thirteen verses four to seven
"""

UNITS = """
5kg = five kilograms
1 kg = one kilogram
0.5 kg = zero point five kilograms
10 km/h = ten kilometers per hour
3°C = three degrees Celsius
-5 °C = minus five degrees Celsius
20 °F = twenty degrees Fahrenheit
90° = ninety degrees
6'2" = six foot two
6 ft 2 in = six foot two
5GB = five gigabytes
100Hz = one hundred hertz
2.5 GHz = two point five gigahertz
50 mph = fifty miles per hour
1 lb = one pound
16 oz = sixteen ounces
20 m² = twenty square meters
20 m^2 = twenty square meters
5 cm3 = five cubic centimeters
100 sq ft = one hundred square feet
9.8 m/s² = nine point eight meters per second squared
5-10 kg = five to ten kilograms
a 5-kg bag = a five kilogram bag
50% = fifty percent
3.5 % = three point five percent
10-15% = ten to fifteen percent
10x20 = ten by twenty
10 x 20 cm = ten by twenty centimeters
1920×1080 = one thousand nine hundred and twenty by one thousand and eighty
3x faster = three times faster
5in = five inches
5 in the morning = five in the morning
100 Mbps = one hundred megabits per second
30 fps = thirty frames per second
5 min = five minutes
250 µg = two hundred and fifty micrograms
20 min. at = twenty minutes at
Bake for 45 min., then = Bake for forty-five minutes, then
It took 5 min. Then = It took five minutes. Then
12 oz. can = twelve ounces can
2 lb. of beef = two pounds of beef
1 gal. of milk = one gallon of milk
3 ft., 4 in. wide = three feet, four inches wide
He is 6 ft 2 in. Then = He is six foot two. Then
(2 yrs.) = (two years)
2 Tbsp. of = two tablespoons of
1 pt. of milk, 3 qts. of = one pint of milk, three quarts of
5 kgs, 2 doz. eggs = five kilograms, two dozen eggs
50 cc = fifty C C
3/4 tsp = three quarters of a teaspoon
1/2 oz. of = half an ounce of
3/37 m = three over thirty-seven meters
1 1/2 lbs. of = one and a half pounds of
8½ x 11 = eight and a half by eleven
11 x 8½ in. = eleven by eight and a half inches.
5' x 7' = five feet by seven feet
8" x 10" = eight inches by ten inches
a 2L bottle = a two liter bottle
an 8 oz. steak = an eight ounce steak
5 ft. x 7 ft. rug = five feet by seven feet rug
70 m.p.h. zone = seventy miles per hour zone
1,000 km/h² = one thousand kilometers per hour squared
1.0 kg = one point zero kilograms
"""

TELEPHONES = """
+1 (555) 123-4567 = plus one, five five five, one two three, four five six seven
(555) 123-4567 = five five five, one two three, four five six seven
555-1234 = five five five, one two three four
555.123.4567 = five five five, one two three, four five six seven
1-800-555-1234 = one, eight zero zero, five five five, one two three four
020 7946 0958 = zero two zero, seven nine four six, zero nine five eight
+44 20 7946 0958 = plus four four, two zero, seven nine four six, zero nine five eight
Call 911 now = Call nine one one now
Phone 0800 123 456. = Phone zero eight zero zero one two three four five six.
dial 999 or 112 = dial nine nine nine or one one two
Call 300 customers = Call three hundred customers
1-800-FLOWERS = one, eight zero zero, FLOWERS
"""

WEB = """
www.example.com = www dot example dot com
https://a.com/b-c?x=1. = a dot com slash b dash c question mark x equals one.
http://localhost:8080 = localhost colon eight zero eight zero
example.org = example dot org
john.doe@example.co.uk = john dot doe at example dot co dot U K
(see example.com) = (see example dot com)
report_final.pdf = report underscore final dot P D F
song.mp3 = song dot M P three
192.168.1.1 = one nine two dot one six eight dot one dot one
v1.2.3 = version one point two point three
v2 = version two
Python 3.11 = Python three point eleven
1.2.3 = one point two point three
#1 = number one
#MachineLearning = hashtag Machine Learning
@some_user = at some user
C# and C++ = C sharp and C plus plus
#ff5733 = hash F F five seven three three
Hello.World = Hello.World
"""

ROMAN = """
Henry VIII = Henry the eighth
Louis XIV was = Louis the fourteenth was
Queen Elizabeth I = Queen Elizabeth the first
Elizabeth II's = Elizabeth the second's
Pope John Paul II = Pope John Paul the second
Chapter IV = Chapter four
Part I = Part one
World War II = World War two
Act III, Scene IV = Act three, Scene four
Rocky III = Rocky three
the XIX century = the nineteenth century
MCMXCIV = nineteen ninety-four
Malcolm X = Malcolm X
I am = I am
I'm = I'm
MIX = MIX
mix = mix
Appendix C = Appendix C
Vol. III = Volume three
WWII = World War Two
VI editor = V I editor
an IV drip = an I V drip
Chapter I've read = Chapter I've read
"""

ABBREVIATIONS = """
Dr. Smith = Doctor Smith
Dr Smith = Doctor Smith
Maple Dr. is long = Maple Drive is long
St. Louis = Saint Louis
Main St. = Main Street.
123 Main St., Springfield = one twenty-three Main Street, Springfield
Mr. and Mrs. Jones = Mister and Missus Jones
Ms. Lee = Miz Lee
Prof. Plum = Professor Plum
John Smith Jr. said = John Smith Junior said
cats vs. dogs = cats versus dogs
pens, etc. The end = pens, et cetera. The end
pens, etc. and more = pens, et cetera and more
e.g. this = for example this
i.e. that = that is that
approx. 5 = approximately five
No. 5 = number five
No. I won't = No. I won't
Fig. 2 = figure two
vol. 3 = volume three
p. 12 = page twelve
pp. 3-5 = pages three to five
Apple Inc. is = Apple Incorporated is
Acme Ltd. = Acme Limited.
Fifth Ave. = Fifth Avenue.
Mt. Everest = Mount Everest
on Mon. we = on Monday we
The sun. = The sun.
w/o sugar, w/ milk = without sugar, with milk
J.R.R. Tolkien = J R R Tolkien
the U.S. Army = the U S Army
I live in the U.S. = I live in the U S.
221B Baker St. = two twenty-one B Baker Street.
on Mill Rd. Then = on Mill Road. Then
Approx. 5 = Approximately five
Ca. 1850 = Circa eighteen fifty
Ste. 200 = suite two hundred
Eq. (5) = equation (five)
Max. speed = Maximum speed
I met Max. He = I met Max. He
"""

ACRONYMS = """
FBI = F B I
the CIA's = the C I A's
CDs = C Ds
CD = C D
DIY = D I Y
PhD = P H D
AT&T = AT and T
R&D = R and D
NASA = NASA
NATO = NATO
LASER = LASER
STOP THAT NOW = STOP THAT NOW
the US = the U S
TELL US = TELL US
"""

SYMBOLS = """
Tom & Jerry = Tom and Jerry
a + b = c = a plus b equals c
2+2=4 = two plus two equals four
5 - 3 = 2 = five minus three equals two
5 × 3 = five times three
10 ÷ 2 = ten divided by two
±5 = plus or minus five
~5 = about five
<5 = less than five
>10 = more than ten
≥ 3 = at least three
x² = x squared
50/50 = fifty-fifty
24/7 = twenty-four seven
1/2 = one half
2/3 = two thirds
½ = one half
3 3/4 = three and three quarters
3½ cups = three and a half cups
11/37 = eleven over thirty-seven
3-2 = three to two
10-15 = ten to fifteen
§ 5 = section five
© 2024 = copyright twenty twenty-four
Acme™ = Acme
A → B = A to B
and/or = and or
he/she = he slash she
snake_case = snake case
A1B2 = A one B two
MP3 = M P three
H₂O = H two O
COVID-19 = COVID nineteen
B-52 = B fifty-two
4K = four K
5G = five G
1080p = ten eighty p
Boeing 747 = Boeing seven hundred and forty-seven
π = pi
"""

EMOJI = """
Hello 😀! = Hello!
I ❤️ you = I you
👍🏽 =
🇫🇷 France = France
2️⃣ = two
fine :) thanks = fine thanks
ok :-( = ok
stop!!! = stop!
what?!?! = what?
wait..... = wait...
wait… = wait...
“Quoted,” ‘yes’ = "Quoted," 'yes'
the dogs’ bones = the dogs' bones
yes -- no = yes — no
caf\u00e9 na\u00efve = caf\u00e9 na\u00efve
"""

MARKDOWN = """
# Title = Title
**bold** and *italic* = bold and italic
__bold__ _it_ = bold it
***both*** = both
~~gone~~ = gone
[text](https://example.com/x) = text
![a cat](cat.png) = a cat
[![alt](a.png)](b) = alt
`code` = code
> quoted = quoted
- milk = milk.
* 3 eggs = three eggs.
- [x] done = done.
1. first = one. first.
| a | b | = a, b.
--- =
<b>bold</b><br> = bold
Tom &amp; Jerry = Tom and Jerry
word[^1] = word
\\*not\\* = not
"""


def _cases(table: str) -> list[tuple[str, str]]:
    lines = [f"{line} ".rpartition(" = ") for line in table.strip("\n").split("\n")]
    return [(written, spoken.removesuffix(" ")) for written, _, spoken in lines]


ALL = {
    name: _cases(table)
    for name, table in {
        "numbers": NUMBERS,
        "years": YEARS,
        "money": MONEY,
        "dates": DATES,
        "times": TIMES,
        "units": UNITS,
        "telephones": TELEPHONES,
        "web": WEB,
        "roman": ROMAN,
        "abbreviations": ABBREVIATIONS,
        "acronyms": ACRONYMS,
        "symbols": SYMBOLS,
        "emoji": EMOJI,
        "markdown": MARKDOWN,
    }.items()
}
