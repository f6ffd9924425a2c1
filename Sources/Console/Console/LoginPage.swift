/// The page that asks for a token. It has no script: a form is all that it needs, and nothing reads the token but us.
enum LoginPage {
    /// - Parameter problem: why the last try was refused, in words of ours; nothing that was typed is shown again.
    static func html(problem: String? = nil) -> String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>Octo console: token</title>
        <link rel="icon" href="data:,">
        <link rel="stylesheet" href="/page/style.css">
        </head>
        <body class="login">
        <main>
        <h1>Octo console</h1>
        \(problem.map { "<p class=\"problem\" role=\"alert\">\($0)</p>" } ?? "")
        <form method="post" action="/login">
        <label for="token">Token</label>
        <input id="token" name="token" type="password" autocomplete="current-password" autocapitalize="none" \
        spellcheck="false" required autofocus>
        <button type="submit">Open the console</button>
        </form>
        <p>The tokens are in the run's token file on the robot's computer: the "operate" one moves the robot, the \
        "view" one only looks on and stops it.</p>
        </main>
        </body>
        </html>

        """
    }
}
