// Starts Swagger UI on this server's description of itself.

// Swagger UI's own player fetches the address of the call once more, by GET and without the key,
// so that it never plays what was just answered. This one plays the answer itself.
const PlayTheAnswer = ({ React }) => {
  const Player = ({ audio }) => {
    const address = React.useMemo(() => URL.createObjectURL(audio), [audio]);
    React.useEffect(() => () => URL.revokeObjectURL(address), [address]);
    return React.createElement(
      "div",
      null,
      React.createElement("audio", { controls: true, src: address }),
      React.createElement("p", null, React.createElement("a", { href: address, download: "speech" }, "Save it")),
    );
  };
  return {
    wrapComponents: {
      responseBody: (Original) => (props) =>
        /^audio\//i.test(props.contentType) && props.content instanceof Blob
          ? React.createElement(Player, { audio: props.content })
          : React.createElement(Original, props),
    },
  };
};

SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  showExtensions: true,
  showCommonExtensions: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [PlayTheAnswer],
  layout: "BaseLayout",
});
