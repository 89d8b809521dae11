/** What is told of a problem that ends a download. */
export function explain(problem: unknown): string {
  if (problem instanceof Error && "code" in problem && problem.code === "ENOSPC") {
    return "The disk is full";
  }
  return problem instanceof Error ? problem.message : String(problem);
}
