import Files

/// Brings pictures of one size to another exactly as the official code, commit 241fb35, does before they enter the
/// network (`ResizeImageWrapper` in its gym wrappers, and the training data's pipeline).
///
/// The aspect ratio is not kept: 640x480 is squeezed into 256x256. Weights are computed once, here.
package struct ImageResize: Sendable {
    /// Sizes in pixels.
    package let inputWidth: Int
    package let inputHeight: Int
    package let outputWidth: Int
    package let outputHeight: Int
    /// Whether the centre that spans sqrt(0.9) of each side is blown up to the full size afterwards: it stands for the
    /// mean of the random crops in training. The official wrapper does so for `image_primary` only.
    package let cropsCentre: Bool
    private let columns: Lanczos3Axis
    private let rows: Lanczos3Axis

    /// Plans the resize from one size to another; all sizes are in pixels and positive.
    package init(
        fromWidth inputWidth: Int, height inputHeight: Int, toWidth outputWidth: Int, height outputHeight: Int,
        cropsCentre: Bool = false
    ) {
        precondition(
            inputWidth > 0 && inputHeight > 0 && outputWidth > 0 && outputHeight > 0,
            "a picture of \(inputWidth)x\(inputHeight) cannot become one of \(outputWidth)x\(outputHeight)")
        self.inputWidth = inputWidth
        self.inputHeight = inputHeight
        self.outputWidth = outputWidth
        self.outputHeight = outputHeight
        self.cropsCentre = cropsCentre
        columns = Lanczos3Axis(from: inputWidth, to: outputWidth)
        rows = Lanczos3Axis(from: inputHeight, to: outputHeight)
    }

    /// The resized picture. Equal sizes without a crop return it unchanged.
    /// - Parameter image: a picture of the input size.
    package func resize(_ image: RGBImage) -> RGBImage {
        let isUnchanged = inputWidth == outputWidth && inputHeight == outputHeight
        if isUnchanged && !cropsCentre { return image }
        let resized = resizeUnrounded(image)
        return (cropsCentre ? cropCentre(of: resized) : resized).rounded()
    }

    /// The picture after Lanczos and before any crop or rounding; values may lie outside 0...255.
    package func resizeUnrounded(_ image: RGBImage) -> FloatImage {
        precondition(
            image.width == inputWidth && image.height == inputHeight,
            "the plan is for \(inputWidth)x\(inputHeight), the picture has \(image.width)x\(image.height)")
        if inputWidth == outputWidth && inputHeight == outputHeight { return FloatImage(image) }
        return resampleColumns(of: resampleRows(of: image))
    }

    /// Resamples the rows: `[inputHeight, inputWidth, 3]` bytes to `[outputHeight, inputWidth, 3]`.
    private func resampleRows(of image: RGBImage) -> FloatImage {
        let length = inputWidth * 3
        return FloatImage(width: inputWidth, height: outputHeight) { output in
            let source = image.pixels.bytes
            // One picture row after the other is added, so that the inner loop runs over neighbours in memory.
            for row in 0..<outputHeight {
                let target = UnsafeMutableBufferPointer(rebasing: output[row * length..<(row + 1) * length])
                target.update(repeating: 0)
                for tap in 0..<rows.offsets[row + 1] - rows.offsets[row] {
                    let weight = rows.weights[rows.offsets[row] + tap]
                    let start = (rows.starts[row] + tap) * length
                    let samples = UnsafeRawBufferPointer(rebasing: source[start..<start + length])
                    for i in 0..<length { target[i] += weight * Float(samples[i]) }
                }
            }
        }
    }

    /// Resamples the columns: `[outputHeight, inputWidth, 3]` to `[outputHeight, outputWidth, 3]`.
    private func resampleColumns(of image: FloatImage) -> FloatImage {
        FloatImage(width: outputWidth, height: outputHeight) { output in
            image.values.withUnsafeBufferPointer { source in
                columns.weights.withUnsafeBufferPointer { weights in
                    for row in 0..<outputHeight {
                        let line = UnsafeBufferPointer(
                            rebasing: source[row * inputWidth * 3..<(row + 1) * inputWidth * 3])
                        var target = row * outputWidth * 3
                        for column in 0..<outputWidth {
                            var (red, green, blue): (Float, Float, Float) = (0, 0, 0)
                            var sample = columns.starts[column] * 3
                            for tap in columns.offsets[column]..<columns.offsets[column + 1] {
                                let weight = weights[tap]
                                red += weight * line[sample]
                                green += weight * line[sample + 1]
                                blue += weight * line[sample + 2]
                                sample += 3
                            }
                            output[target] = red
                            output[target + 1] = green
                            output[target + 2] = blue
                            target += 3
                        }
                    }
                }
            }
        }
    }

    /// Crops and resizes as TensorFlow's bilinear `crop_and_resize` does, with the box of sides sqrt(0.9) around the
    /// centre, back to full size.
    private func cropCentre(of image: FloatImage) -> FloatImage {
        let (xs, ys) = (CropAxis(size: image.width), CropAxis(size: image.height))
        return FloatImage(width: image.width, height: image.height) { output in
            image.values.withUnsafeBufferPointer { source in
                for row in 0..<image.height {
                    let top = ys.low[row] * image.width
                    let bottom = ys.high[row] * image.width
                    let down = ys.fraction[row]
                    for column in 0..<image.width {
                        let (left, right, across) = (xs.low[column], xs.high[column], xs.fraction[column])
                        for channel in 0..<3 {
                            let topLeft = source[(top + left) * 3 + channel]
                            let topRight = source[(top + right) * 3 + channel]
                            let bottomLeft = source[(bottom + left) * 3 + channel]
                            let bottomRight = source[(bottom + right) * 3 + channel]
                            let upper = topLeft + (topRight - topLeft) * across
                            let lower = bottomLeft + (bottomRight - bottomLeft) * across
                            output[(row * image.width + column) * 3 + channel] = upper + (lower - upper) * down
                        }
                    }
                }
            }
        }
    }
}

/// The two samples between which each output of the centre crop lies, along one side.
package struct CropAxis {
    /// The box's sides as parts of the picture's: the middle sqrt(0.9).
    package static let begin = (1 - Float(0.9).squareRoot()) / 2
    /// End of the box, as a part of the picture's side.
    package static let end = begin + Float(0.9).squareRoot()

    private(set) var low: [Int] = []
    private(set) var high: [Int] = []
    /// Weight of `high`, 0...1.
    private(set) var fraction: [Float] = []

    init(size: Int) {
        let last = Float(size - 1)
        let step = size > 1 ? (Self.end - Self.begin) * last / last : 0
        for output in 0..<size {
            let position = Self.begin * last + Float(output) * step
            low.append(Int(position.rounded(.down)))
            high.append(min(Int(position.rounded(.up)), size - 1))
            fraction.append(position - position.rounded(.down))
        }
    }
}

/// A picture between two steps of the computation: `[height, width, 3]` float32, not yet rounded or clipped.
package struct FloatImage {
    package let width: Int
    package let height: Int
    /// Red, green, blue of each pixel, `[height, width, 3]` row-major.
    package let values: [Float]

    /// Makes an image whose numbers `fill` writes.
    /// - Parameter fill: writes all `width × height × 3` numbers.
    package init(width: Int, height: Int, fill: (UnsafeMutableBufferPointer<Float>) -> Void) {
        self.width = width
        self.height = height
        values = [Float](unsafeUninitializedCapacity: width * height * 3) { memory, count in
            count = width * height * 3
            // Plain numbers: assigning is as good as initialising.
            fill(UnsafeMutableBufferPointer(rebasing: memory[..<count]))
        }
    }

    init(_ image: RGBImage) {
        width = image.width
        height = image.height
        values = image.pixels.bytes.map { Float($0) }
    }

    /// Rounds half to even, then clips to 0...255, as the official code does.
    package func rounded() -> RGBImage {
        let pixels = SharedBytes(count: values.count) { (memory) throws(Never) in
            for (index, value) in values.enumerated() {
                memory[index] = UInt8(min(max(value.rounded(.toNearestOrEven), 0), 255))
            }
        }
        return RGBImage(width: width, height: height, pixels: pixels)
    }
}
