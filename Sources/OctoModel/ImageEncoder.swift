import Foundation

/// A convolution without dilation, by gathering patches into rows and one matrix product.
package struct Convolution: Sendable {
    let kernelSize: Int
    let stride: Int
    /// Zeros on all four sides.
    let padding: Int
    /// Kernel `[kernelSize, kernelSize, channels, features]` read as `[kernelSize² × channels, features]`.
    let dense: Dense

    var channels: Int { dense.inputs / (kernelSize * kernelSize) }

    static func outputSize(_ size: Int, kernel: Int, stride: Int, padding: Int) -> Int {
        let room = size + 2 * padding - kernel
        return room < 0 ? 0 : room / stride + 1
    }

    /// - Parameter x: `[height, width, channels]`
    /// - Returns: `[outHeight, outWidth, features]`
    package func callAsFunction(_ x: [Float], height: Int, width: Int) -> [Float] {
        let outHeight = Self.outputSize(height, kernel: kernelSize, stride: stride, padding: padding)
        let outWidth = Self.outputSize(width, kernel: kernelSize, stride: stride, padding: padding)
        let patches = gatherPatches(x, height: height, width: width, outHeight: outHeight, outWidth: outWidth)
        return dense(patches, rows: outHeight * outWidth)
    }

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

    /// Standardises a kernel over its inputs for each output: `(w - mean) / (std + 1e-5)`, population deviation, epsilon
    /// outside the root (`StdConv` of the official code).
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

/// Turns stacked images into tokens: SmallStem (StdConv, GroupNorm, ReLU a few times, then a plain convolution) or
/// PatchEncoder (that convolution alone), as in `vit_encoders.py` of the official code, commit 241fb35.
package struct ImageEncoder: Sendable {
    let layers: [(convolution: Convolution, norm: GroupNorm)]
    let embedding: Convolution
    let normalization: ModelConfiguration.ImageEncoder.Normalization

    /// - Parameters:
    ///   - images: `[height, width, 3]` each, in the order of the channels.
    ///   - recordLayer: gets the index of a layer and its output before the ReLU, `[height, width, features]`.
    /// - Returns: `[tokens, features]`, tokens row by row.
    package func callAsFunction(
        _ images: [ArraySlice<UInt8>], height: Int, width: Int,
        recordLayer: (_ index: Int, _ shape: [Int], _ output: [Float]) -> Void = { _, _, _ in }
    ) -> [Float] {
        var x = Self.stack(images, pixels: height * width, normalization)
        var (h, w) = (height, width)
        for (index, layer) in layers.enumerated() {
            let convolution = layer.convolution
            x = layer.norm(convolution(x, height: h, width: w))
            h = Convolution.outputSize(
                h, kernel: convolution.kernelSize, stride: convolution.stride, padding: convolution.padding)
            w = Convolution.outputSize(
                w, kernel: convolution.kernelSize, stride: convolution.stride, padding: convolution.padding)
            recordLayer(index, [h, w, layer.norm.scale.count], x)
            Activation.relu(&x)
        }
        return embedding(x, height: h, width: w)
    }

    /// Puts images behind each other on the channel axis and normalises: `[pixels, 3 × images]`.
    private static func stack(
        _ images: [ArraySlice<UInt8>], pixels: Int, _ normalization: ModelConfiguration.ImageEncoder.Normalization
    ) -> [Float] {
        let channels = 3 * images.count
        // 256 values for each of R, G, B.
        let table = (0..<3).flatMap { channel in (0..<256).map { normalised(Float($0), channel: channel, normalization) } }
        return [Float](unsafeUninitializedCapacity: pixels * channels) { target, initialized in
            initialized = pixels * channels
            for (index, image) in images.enumerated() {
                precondition(image.count == pixels * 3, "an image of \(pixels) pixels")
                image.withUnsafeBufferPointer { image in
                    table.withUnsafeBufferPointer { table in
                        for pixel in 0..<pixels {
                            for channel in 0..<3 {
                                target[pixel * channels + 3 * index + channel] =
                                    table[channel * 256 + Int(image[pixel * 3 + channel])]
                            }
                        }
                    }
                }
            }
        }
    }

    private static func normalised(
        _ value: Float, channel: Int, _ normalization: ModelConfiguration.ImageEncoder.Normalization
    ) -> Float {
        switch normalization {
        case .standard: value / 127.5 - 1
        case .imageNet: (value / 255 - [0.485, 0.456, 0.406][channel]) / [0.229, 0.224, 0.225][channel]
        }
    }
}
