/// The residual network of the hybrid vision transformers (`ViTResnet` of the official code, commit 241fb35): a root
/// convolution and a pooling, then stages of bottleneck units. All convolutions are standardised and have no bias.
struct ResidualNetwork: Sendable {
    /// A convolution with TensorFlow's "SAME" padding, and the norm behind it.
    struct Layer: Sendable {
        /// The convolution, without padding of its own.
        let convolution: Convolution
        let norm: GroupNorm

        func callAsFunction(_ x: FeatureMap) -> FeatureMap {
            let padded = x.paddedToSame(
                kernel: convolution.kernelSize, stride: convolution.stride, channels: convolution.channels, with: 0)
            func size(_ size: Int) -> Int {
                Convolution.outputSize(size, kernel: convolution.kernelSize, stride: convolution.stride, padding: 0)
            }
            return FeatureMap(
                values: norm(convolution(padded.values, height: padded.height, width: padded.width)),
                height: size(padded.height), width: size(padded.width))
        }
    }
    struct Unit: Sendable {
        /// Layer that shapes what goes around the others; nil where its shape stays.
        let projection: Layer?
        /// A ReLU stands behind each, behind the last after the addition.
        let layers: [Layer]

        func callAsFunction(_ x: FeatureMap) -> FeatureMap {
            var y = x
            for (index, layer) in layers.enumerated() {
                y = layer(y)
                if index < layers.count - 1 { Activation.relu(&y.values) }
            }
            add((projection?(x) ?? x).values, to: &y.values)
            Activation.relu(&y.values)
            return y
        }
    }
    struct Stage: Sendable {
        let units: [Unit]
        let film: FilmConditioning?
    }

    let root: Layer
    let stages: [Stage]
    /// Conditioning behind the root of a network without stages.
    let film: FilmConditioning?

    /// Encodes an image.
    /// - Parameters:
    ///   - image: the normalised images, stacked on the channel axis.
    ///   - condition: vector that the FiLM layers read, if there are any.
    /// - Returns: `[height, width, features]`, each pixel a token.
    func callAsFunction(_ image: FeatureMap, condition: [Float]) -> FeatureMap {
        var x = root(image)
        Activation.relu(&x.values)
        x = x.maximumPooled(channels: root.norm.scale.count)
        film?.apply(to: &x.values, condition: condition)
        for stage in stages {
            for unit in stage.units { x = unit(x) }
            stage.film?.apply(to: &x.values, condition: condition)
        }
        return x
    }
}

extension FeatureMap {
    /// Computes the padding along one side: as many outputs as strides begin in the image; the odd padding pixel comes
    /// behind it.
    static func samePadding(_ size: Int, kernel: Int, stride: Int) -> (before: Int, after: Int, outputs: Int) {
        let outputs = (size + stride - 1) / stride
        let all = max(0, (outputs - 1) * stride + kernel - size)
        return (all / 2, all - all / 2, outputs)
    }

    func paddedToSame(kernel: Int, stride: Int, channels: Int, with value: Float) -> FeatureMap {
        let vertical = Self.samePadding(height, kernel: kernel, stride: stride)
        let horizontal = Self.samePadding(width, kernel: kernel, stride: stride)
        let newWidth = horizontal.before + width + horizontal.after
        let newHeight = vertical.before + height + vertical.after
        if newWidth == width && newHeight == height { return self }
        var result = [Float](repeating: value, count: newHeight * newWidth * channels)
        for y in 0..<height {
            let start = ((vertical.before + y) * newWidth + horizontal.before) * channels
            result.replaceSubrange(
                start..<start + width * channels, with: values[y * width * channels..<(y + 1) * width * channels])
        }
        return FeatureMap(values: result, height: newHeight, width: newWidth)
    }

    /// The largest of 3 x 3, every second pixel; nothing beyond the edge counts.
    func maximumPooled(channels: Int) -> FeatureMap {
        let padded = paddedToSame(kernel: 3, stride: 2, channels: channels, with: -.infinity)
        let newHeight = Self.samePadding(height, kernel: 3, stride: 2).outputs
        let newWidth = Self.samePadding(width, kernel: 3, stride: 2).outputs
        var result = [Float](repeating: -.infinity, count: newHeight * newWidth * channels)
        result.withUnsafeMutableBufferPointer { result in
            padded.values.withUnsafeBufferPointer { source in
                for y in 0..<newHeight {
                    for x in 0..<newWidth {
                        let target = (y * newWidth + x) * channels
                        for row in 2 * y..<2 * y + 3 {
                            for column in 2 * x..<2 * x + 3 {
                                let start = (row * padded.width + column) * channels
                                for c in 0..<channels {
                                    result[target + c] = max(result[target + c], source[start + c])
                                }
                            }
                        }
                    }
                }
            }
        }
        return FeatureMap(values: result, height: newHeight, width: newWidth)
    }
}
