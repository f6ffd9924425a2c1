import Files

extension RGBImage {
    /// Lays pictures side by side, row by row, on grey; smaller ones stand at the upper left of their place.
    /// - Parameters:
    ///   - columns: pictures in a row, at least 1.
    ///   - gap: width of the space between and around the pictures, pixels.
    /// - Returns: nil without pictures.
    package static func tiled(_ pictures: [RGBImage], columns: Int, gap: Int = 4) -> RGBImage? {
        guard let width = pictures.map(\.width).max(), let height = pictures.map(\.height).max() else { return nil }
        let columns = min(max(columns, 1), pictures.count)
        let rows = (pictures.count + columns - 1) / columns
        let (sheetWidth, sheetHeight) = (columns * (width + gap) + gap, rows * (height + gap) + gap)
        let pixels = SharedBytes(count: sheetWidth * sheetHeight * 3) { (memory) throws(Never) in
            for index in memory.indices { memory[index] = 128 }
            for (index, picture) in pictures.enumerated() {
                let left = gap + index % columns * (width + gap)
                let top = gap + index / columns * (height + gap)
                let row = picture.width * 3
                for y in 0..<picture.height {
                    let start = ((top + y) * sheetWidth + left) * 3
                    let source = UnsafeRawBufferPointer(rebasing: picture.pixels.bytes[(y * row)..<((y + 1) * row)])
                    UnsafeMutableRawBufferPointer(rebasing: memory[start..<(start + row)]).copyMemory(from: source)
                }
            }
        }
        return RGBImage(width: sheetWidth, height: sheetHeight, pixels: pixels)
    }

    /// The picture with a frame over its edge.
    /// - Parameters:
    ///   - colour: red, green, blue.
    ///   - width: width of the frame, pixels.
    package func framed(in colour: SIMD3<UInt8>, width line: Int) -> RGBImage {
        let pixels = SharedBytes(count: width * height * 3) { (memory) throws(Never) in
            memory.copyMemory(from: self.pixels.bytes)
            for y in 0..<height {
                for x in 0..<width where min(x, y, width - 1 - x, height - 1 - y) < line {
                    for channel in 0..<3 { memory[(y * width + x) * 3 + channel] = colour[channel] }
                }
            }
        }
        return RGBImage(width: width, height: height, pixels: pixels)
    }
}
