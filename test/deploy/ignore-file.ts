/** Reads a .dockerignore. The answer says of a path whether it stays out of the context: the last pattern that fits decides. */
export function parseIgnoreFile(text: string): (path: string) => boolean {
  const patterns = text
    .split("\n")
    .filter((line) => !/^\s*(#|$)/.test(line))
    .map((line) => ({ isException: line.startsWith("!"), glob: globOf(line.replace(/^!/, "")) }));
  return (path) => {
    const parts = path.split("/");
    // A pattern that fits a folder fits all that is in it.
    const places = parts.map((_, index) => parts.slice(0, index + 1).join("/"));
    const last = patterns.findLast(({ glob }) => places.some((place) => glob.test(place)));
    return last !== undefined && !last.isException;
  };
}

/** Unlike a shell's, a star fits names that begin with a dot as well. */
function globOf(pattern: string): RegExp {
  const parts = pattern.split(/(\*\*\/|\*)/).map((part) => {
    if (part === "**/") return "(?:.*/)?";
    return part === "*" ? "[^/]*" : part.replace(/[.+^${}()|[\]\\?]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("")}$`);
}
