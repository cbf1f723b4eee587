// Lengths of time in s, as a clock shows them and in words.

// 1:06, 1:02:03
export function clock(seconds) {
  const [hours, minutes, rest] = parts(seconds);
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

// 5 s, 1 min 6 s, 1 h 2 min
export function lengthOfTime(seconds) {
  const [hours, minutes, rest] = parts(seconds);
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${rest} s` : `${rest} s`;
}

function parts(seconds) {
  const whole = Math.round(seconds);
  return [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
}
