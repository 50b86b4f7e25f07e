// The page of /api/docs. Requests are only shown: what signs them is a bot's key, which no page should hold.

const main = document.getElementById("api-docs");
main.replaceChildren();
window.SwaggerUIBundle({
  url: main.dataset.schema,
  domNode: main,
  deepLinking: true,
  supportedSubmitMethods: ["get"],
  validatorUrl: null,
});
