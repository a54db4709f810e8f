// Schedules as cron has them, crontab(5), and LXD's words for the usual ones: when something is to happen, in UTC.

/** LXD's words. `@startup` and `@never` are no times. */
const aliases: Record<string, string> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@annually": "0 0 1 1 *",
  "@yearly": "0 0 1 1 *",
};
const events = ["@startup", "@never"];
const monthNames = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const dayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const ranges: [first: number, last: number, names: readonly string[]][] = [
  [0, 59, []],
  [0, 23, []],
  [1, 31, []],
  [1, 12, monthNames],
  [0, 7, dayNames],
];

interface Times {
  minutes: Set<number>;
  hours: Set<number>;
  days: Set<number>;
  months: Set<number>;
  weekdays: Set<number>;
  /** cron's rule: where both are given, either will do */
  eitherDay: boolean;
}

/** Whether a text is a schedule; several stand between ", ". */
export function isSchedule(text: string): boolean {
  return split(text).every((one) => events.includes(one) || parse(one) !== undefined);
}

/** Whether something is due at times of their own by a schedule, and not only when an instance starts. */
export const hasTimes = (text: string): boolean => split(text).some((one) => parse(one) !== undefined);

/** Whether a text is a schedule of times alone. */
export const isTimetable = (text: string): boolean => split(text).every((one) => parse(one) !== undefined);

/** Whether a minute between two moments, the second included, is one of a schedule. */
export function isDue(text: string, after: Date, until: Date): boolean {
  const minute = 60_000;
  const all = split(text).flatMap((one) => parse(one) ?? []);
  if (all.length === 0) return false;
  // a machine that was off for long owes one time, not every one: a year back is enough
  const first = Math.max(after.getTime(), until.getTime() - 366 * 24 * 60 * minute);
  for (let at = Math.floor(until.getTime() / minute) * minute; at > first; at -= minute) {
    if (all.some((times) => fits(times, new Date(at)))) return true;
  }
  return false;
}

/** Words are several schedules only if each is an alias, or a comma parts what is whole on both sides. */
function split(text: string): string[] {
  return text.split(/,\s+/).map((one) => one.trim()).filter((one) => one !== "");
}

function parse(text: string): Times | undefined {
  const fields = (Object.hasOwn(aliases, text) ? aliases[text] ?? "" : text).split(/\s+/);
  if (fields.length !== 5) return undefined;
  const sets = fields.map((field, index) => parseField(field, ranges[index] ?? [0, 0, []]));
  const [minutes, hours, days, months, weekdays] = sets;
  if (!minutes || !hours || !days || !months || !weekdays) return undefined;
  if (weekdays.has(7)) weekdays.add(0);
  return { minutes, hours, days, months, weekdays, eitherDay: fields[2] !== "*" && fields[4] !== "*" };
}

function parseField(
  text: string,
  [first, last, names]: [number, number, readonly string[]],
): Set<number> | undefined {
  const found = new Set<number>();
  for (const part of text.split(",")) {
    const [, span = "", step = "1"] = /^([^/]+)(?:\/([1-9]\d*))?$/.exec(part) ?? [];
    const [from, to = part.includes("/") ? String(last) : undefined] = span === "*"
      ? [String(first), String(last)]
      : span.split("-");
    const [low, high] = [numberOf(from, names, first), numberOf(to ?? from, names, first)];
    if (low === undefined || high === undefined || low < first || high > last || low > high) return undefined;
    for (let value = low; value <= high; value += Number(step)) found.add(value);
  }
  return found;
}

function numberOf(text: string | undefined, names: readonly string[], first: number): number | undefined {
  if (text === undefined) return undefined;
  const named = names.indexOf(text.toLowerCase());
  if (named >= 0) return named + first;
  return /^\d{1,2}$/.test(text) ? Number(text) : undefined;
}

function fits({ minutes, hours, days, months, weekdays, eitherDay }: Times, date: Date): boolean {
  if (!minutes.has(date.getUTCMinutes()) || !hours.has(date.getUTCHours())) return false;
  if (!months.has(date.getUTCMonth() + 1)) return false;
  const [day, weekday] = [days.has(date.getUTCDate()), weekdays.has(date.getUTCDay())];
  return eitherDay ? day || weekday : day && weekday;
}
