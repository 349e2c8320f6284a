/** "0.4%": one decimal, as the brief shows it. A whole of 0 has nothing missing. */
export function percent(part: number, whole: number, whenEmpty = 0): string {
  return `${(whole === 0 ? whenEmpty : (part / whole) * 100).toFixed(1)}%`;
}
