extension ParameterReader {
    package mutating func convolution(
        _ name: String, size: Int, stride: Int, padding: Int, channels: Int, features: Int, standardised: Bool,
        hasBias: Bool = true
    ) -> Convolution {
        let kernel = tensor("\(name)/kernel", [size, size, channels, features])
        return Convolution(
            kernelSize: size, stride: stride, padding: padding,
            dense: Dense(
                inputs: size * size * channels, outputs: features,
                kernel: standardised ? Convolution.standardised(kernel, outputs: features) : kernel,
                bias: hasBias ? tensor("\(name)/bias", [features]) : nil))
    }

    /// Reads an image encoder's parameters.
    /// - Parameters:
    ///   - channels: number of channels of the stacked images.
    package mutating func imageEncoder(
        _ name: String, _ encoder: ModelConfiguration.ImageEncoder, channels: Int
    ) -> ImageEncoder {
        let body: ImageEncoder.Body =
            switch encoder.body {
            case .stem(let layers, let embeddingSize):
                .stem(stem(name, encoder, layers, embeddingSize: embeddingSize, channels: channels))
            case .residual(let stages): .residual(residualNetwork(name, encoder, stages, channels: channels))
            }
        return ImageEncoder(body: body, normalization: encoder.normalization)
    }

    private mutating func stem(
        _ name: String, _ encoder: ModelConfiguration.ImageEncoder, _ layers: [ModelConfiguration.ImageEncoder.Layer],
        embeddingSize: Int, channels: Int
    ) -> ConvolutionalStem {
        var channels = channels
        var read: [(convolution: Convolution, norm: GroupNorm)] = []
        for (index, layer) in layers.enumerated() {
            read.append(
                (
                    convolution(
                        "\(name)/StdConv_\(index)", size: layer.kernelSize, stride: layer.stride,
                        padding: layer.padding,
                        channels: channels, features: layer.features, standardised: true),
                    groupNorm("\(name)/GroupNorm_\(index)", channels: layer.features)
                ))
            channels = layer.features
        }
        return ConvolutionalStem(
            layers: read,
            embedding: convolution(
                "\(name)/embedding", size: embeddingSize, stride: embeddingSize, padding: 0, channels: channels,
                features: encoder.features, standardised: false),
            film: encoder.conditionSize.map {
                film("\(name)/FilmConditioning_0", inputs: $0, features: encoder.features)
            })
    }

    /// Reads the parameters of a FiLM layer.
    /// - Parameters:
    ///   - inputs: size of the vector that conditions.
    ///   - features: number of channels that are scaled and shifted.
    package mutating func film(_ name: String, inputs: Int, features: Int) -> FilmConditioning {
        FilmConditioning(
            scale: dense("\(name)/Dense_0", inputs: inputs, outputs: features),
            shift: dense("\(name)/Dense_1", inputs: inputs, outputs: features))
    }

    private mutating func residualNetwork(
        _ name: String, _ encoder: ModelConfiguration.ImageEncoder,
        _ shape: ModelConfiguration.ImageEncoder.Residual, channels: Int
    ) -> ResidualNetwork {
        let root = ResidualNetwork.Layer(
            convolution: convolution(
                "\(name)/conv_root", size: 7, stride: 2, padding: 0, channels: channels, features: shape.width,
                standardised: true, hasBias: false), norm: groupNorm("\(name)/gn_root", channels: shape.width))
        var channels = shape.width
        var stages: [ResidualNetwork.Stage] = []
        for (index, units) in shape.stages.enumerated() {
            let width = shape.width << index
            let read = (0..<units).map { unit -> ResidualNetwork.Unit in
                defer { channels = 4 * width }
                return residualUnit(
                    "\(name)/block\(index + 1)/unit\(unit + 1)", channels: channels, width: width,
                    stride: unit == 0 && index > 0 ? 2 : 1)
            }
            // The first stage has none behind it.
            let condition = index == 0 ? nil : encoder.conditionSize
            stages.append(
                ResidualNetwork.Stage(
                    units: read,
                    film: condition.map {
                        film("\(name)/FilmConditioning_\(index - 1)", inputs: $0, features: 4 * width)
                    }))
        }
        let lonely = shape.stages.isEmpty ? encoder.conditionSize : nil
        return ResidualNetwork(
            root: root, stages: stages,
            film: lonely.map { film("\(name)/FilmConditioning_0", inputs: $0, features: shape.width) })
    }

    private mutating func residualUnit(
        _ name: String, channels: Int, width: Int, stride: Int
    ) -> ResidualNetwork.Unit {
        func layer(
            _ suffix: String, size: Int, stride: Int, channels: Int, features: Int, _ reader: inout ParameterReader
        ) -> ResidualNetwork.Layer {
            ResidualNetwork.Layer(
                convolution: reader.convolution(
                    "\(name)/conv\(suffix)", size: size, stride: stride, padding: 0, channels: channels,
                    features: features, standardised: true, hasBias: false),
                norm: reader.groupNorm("\(name)/gn\(suffix)", channels: features))
        }
        let changesShape = channels != 4 * width || stride != 1
        return ResidualNetwork.Unit(
            projection: changesShape
                ? layer("_proj", size: 1, stride: stride, channels: channels, features: 4 * width, &self) : nil,
            layers: [
                layer("1", size: 1, stride: 1, channels: channels, features: width, &self),
                layer("2", size: 3, stride: stride, channels: width, features: width, &self),
                layer("3", size: 1, stride: 1, channels: width, features: 4 * width, &self),
            ])
    }

    /// Reads the parameters of a token learner.
    /// - Parameters:
    ///   - tokens: number of tokens that go in.
    ///   - learned: number of tokens that come out.
    package mutating func tokenLearner(_ name: String, tokens: Int, learned: Int, features: Int) -> TokenLearner {
        TokenLearner(
            positionEmbedding: tensor("\(name)/pos_embed", [tokens, features]),
            norm: layerNorm("\(name)/LayerNorm_0", width: features),
            pooling: attentionPooling("\(name)/MAPHead_0", width: features, probes: learned))
    }
}
