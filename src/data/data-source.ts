/** Where the files of a data set are: a folder, or something else that has named files. */
export interface DataSource {
  /** What it is called in messages: the folder's path. */
  readonly directory: string
  /** The names of its files. Rejects with a `UserError` if it can't be read. */
  list(): Promise<readonly string[]>
  /** What a file is called in messages: its path. */
  pathOf(name: string): string
  /**
   * A file's text, unpacked if it was compressed with gzip. Rejects with a `UserError` if it can't be read.
   */
  text(path: string): Promise<string>
}
