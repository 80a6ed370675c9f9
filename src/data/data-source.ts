/** A source of the named files of a data set, such as a folder. */
export interface DataSource {
  /** Its name in messages: the folder's path. */
  readonly directory: string
  /** The names of its files. Rejects with a `UserError` if it can't be read. */
  list(): Promise<readonly string[]>
  /** A file's name in messages: its path. */
  pathOf(name: string): string
  /**
   * A file's text, unpacked if it was compressed with gzip. Rejects with a `UserError` if it can't be read.
   */
  text(path: string): Promise<string>
}
