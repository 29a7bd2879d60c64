// Lines of a log, as sandbox/logs writes them: the files of Docker's json-file.

// Records that have yet to be written. One line takes at most six bytes for each
// of its own.
#define ROOM (6 * LINE + 256)
static u8 batch[ROOM + 32768];
static u32 batched;

static void put(const char *s)
{
	while (*s)
		batch[batched++] = *s++;
}

static void put_digits(u64 n, u32 digits)
{
	u32 i;

	for (i = digits; i-- > 0; n /= 10)
		batch[batched + i] = '0' + n % 10;
	batched += digits;
}

// put_time writes a time since 1970 in RFC 3339, in UTC.
static void put_time(u64 sec, u64 ns)
{
	u64 days = sec / 86400 + 719468, rest = sec % 86400; // since 0000-03-01
	u64 era = days / 146097, doe = days % 146097;
	u64 yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	u64 doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	u64 month = mp < 10 ? mp + 3 : mp - 9;

	put_digits(yoe + era * 400 + (month <= 2), 4);
	put("-");
	put_digits(month, 2);
	put("-");
	put_digits(doy - (153 * mp + 2) / 5 + 1, 2);
	put("T");
	put_digits(rest / 3600, 2);
	put(":");
	put_digits(rest / 60 % 60, 2);
	put(":");
	put_digits(rest % 60, 2);
	if (ns) {
		put(".");
		put_digits(ns, 9);
		while (batch[batched - 1] == '0')
			batched--;
	}
	put("Z");
}

// lowest and highest give the second byte that may follow the first of a
// character.
static u8 lowest(u8 c) { return c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80; }
static u8 highest(u8 c) { return c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf; }

// length_of tells how many bytes the character has that begins with c; 1 for
// what begins none.
static u32 length_of(u8 c) { return c < 0xc2 || c > 0xf4 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4; }

static u32 follows(u8 c) { return (c & 0xc0) == 0x80; }

// rune gives the length of the character at s; 1 also for a byte that is none.
static u32 rune(const u8 *s, u32 n)
{
	u32 size = length_of(*s), i;

	if (size == 1 || n < size || s[1] < lowest(*s) || s[1] > highest(*s))
		return 1;
	for (i = 2; i < size; i++)
		if (!follows(s[i]))
			return 1;
	return size;
}

// whole gives the length of s without the beginning of a character at its end.
static u32 whole(const u8 *s, u32 n)
{
	u32 i;

	for (i = 1; i < 4 && i < n; i++) {
		const u8 *p = s + n - i;

		if (follows(*p))
			continue;
		if (i >= length_of(*p) || (i > 1 && (p[1] < lowest(*p) || p[1] > highest(*p))) || (i > 2 && !follows(p[2])))
			return n;
		return n - i;
	}
	return n;
}

static void put_number(u8 c)
{
	put("\\u00");
	batch[batched++] = "0123456789abcdef"[c >> 4];
	batch[batched++] = "0123456789abcdef"[c & 15];
}

static void put_escaped(const u8 *s, u32 n)
{
	u32 i, size;

	for (i = 0; i < n; i += size) {
		u8 c = s[i];

		size = 1;
		if (c == '\n')
			put("\\n");
		else if (c == '\r')
			put("\\r");
		else if (c == '"' || c == '\\') {
			batch[batched++] = '\\';
			batch[batched++] = c;
		} else if (c < ' ' || c == '&' || c == '<' || c == '>')
			put_number(c);
		else if (c < 0x80)
			batch[batched++] = c;
		else if ((size = rune(s + i, n - i)) == 1)
			put("\\ufffd");
		else if (size == 3 && c == 0xe2 && s[i + 1] == 0x80 && (s[i + 2] & ~1) == 0xa8)
			put(s[i + 2] & 1 ? "\\u2029" : "\\u2028");
		else {
			memcpy(batch + batched, s + i, size);
			batched += size;
		}
	}
}

static void put_record(const u8 *s, u32 n, u32 stream, const u64 *time)
{
	put("{\"log\":\"");
	put_escaped(s, n);
	put(stream ? "\",\"stream\":\"stderr\",\"time\":\"" : "\",\"stream\":\"stdout\",\"time\":\"");
	put_time(time[0], time[1]);
	put("\"}\n");
}
