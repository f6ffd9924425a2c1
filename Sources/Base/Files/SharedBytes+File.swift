extension SharedBytes {
    /// Reads a file whole.
    /// - Throws: as `FileSystem.read`.
    package convenience init(contentsOf path: String, limit: Int = FileSystem.sizeLimit) throws(FileError) {
        self.init(copying: try FileSystem.read(path, limit: limit))
    }

    /// Replaces the file at `path` as a whole.
    /// - Throws: as `FileSystem.replace`.
    package func write(to path: String) throws(FileError) { try FileSystem.replace(path, with: bytes) }
}
