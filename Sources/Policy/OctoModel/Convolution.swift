/// A convolution without dilation, by gathering patches into rows and one matrix product.
package struct Convolution: Sendable {
    let kernelSize: Int
    let stride: Int
    /// Padding with zeros on all four sides, pixels.
    let padding: Int
    /// Kernel `[kernelSize, kernelSize, channels, features]` read as `[kernelSize² × channels, features]`.
    let dense: Dense

    var channels: Int { dense.inputs / (kernelSize * kernelSize) }

    static func outputSize(_ size: Int, kernel: Int, stride: Int, padding: Int) -> Int {
        let room = size + 2 * padding - kernel
        return room < 0 ? 0 : room / stride + 1
    }

    /// Convolves one image.
    /// - Parameter x: `[height, width, channels]`
    /// - Returns: `[outHeight, outWidth, features]`
    package func callAsFunction(_ x: [Float], height: Int, width: Int) -> [Float] {
        let outHeight = Self.outputSize(height, kernel: kernelSize, stride: stride, padding: padding)
        let outWidth = Self.outputSize(width, kernel: kernelSize, stride: stride, padding: padding)
        let patches = gatherPatches(x, height: height, width: width, outHeight: outHeight, outWidth: outWidth)
        return dense(patches, rows: outHeight * outWidth)
    }

    /// The input's patches under the kernel, one row for each pixel of the output.
    /// - Returns: `[outHeight × outWidth, kernelSize × kernelSize × channels]`
    private func gatherPatches(_ x: [Float], height: Int, width: Int, outHeight: Int, outWidth: Int) -> [Float] {
        let channels = channels
        precondition(x.count == height * width * channels, "an image of \(height) x \(width) x \(channels)")
        let patch = dense.inputs
        return [Float](unsafeUninitializedCapacity: outHeight * outWidth * patch) { rows, initialized in
            initialized = outHeight * outWidth * patch
            rows.initialize(repeating: 0)
            x.withUnsafeBufferPointer { x in
                guard let source = x.baseAddress, var target = rows.baseAddress else { return }
                for outY in 0..<outHeight {
                    for outX in 0..<outWidth {
                        for ky in 0..<kernelSize {
                            let y = outY * stride + ky - padding
                            if y < 0 || y >= height { continue }
                            // The part of the kernel's row that lies inside the image is contiguous.
                            let left = outX * stride - padding
                            let from = max(0, -left)
                            let to = min(kernelSize, width - left)
                            if from >= to { continue }
                            (target + (ky * kernelSize + from) * channels).update(
                                from: source + (y * width + left + from) * channels, count: (to - from) * channels)
                        }
                        target += patch
                    }
                }
            }
        }
    }

    /// Standardises a kernel over its inputs for each output: `(w - mean) / (std + 1e-5)`, population deviation,
    /// epsilon outside the root (`StdConv` of the official code).
    /// - Parameter kernel: `[inputs, outputs]`
    static func standardised(_ kernel: [Float], outputs: Int) -> [Float] {
        let inputs = kernel.count / outputs
        var result = kernel
        for output in 0..<outputs where inputs > 0 {
            var sum = 0.0
            for input in 0..<inputs { sum += Double(kernel[input * outputs + output]) }
            let mean = sum / Double(inputs)
            var squares = 0.0
            for input in 0..<inputs {
                let deviation = Double(kernel[input * outputs + output]) - mean
                squares += deviation * deviation
            }
            let scale = 1 / ((squares / Double(inputs)).squareRoot() + 1e-5)
            for input in 0..<inputs {
                let index = input * outputs + output
                result[index] = Float((Double(kernel[index]) - mean) * scale)
            }
        }
        return result
    }
}
