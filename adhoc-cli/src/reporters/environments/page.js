// The page is whole without this: it keeps "in 3 hours" true while the page stays open, and filters the rows.
(function () {
  var plural = function (number, unit) { return number + " " + unit + (number === 1 ? "" : "s"); };
  var roughly = function (seconds) {
    if (seconds < 60) return "less than a minute";
    if (seconds < 3600) return plural(Math.floor(seconds / 60), "minute");
    if (seconds < 172800) return plural(Math.floor(seconds / 3600), "hour");
    return plural(Math.floor(seconds / 86400), "day");
  };
  var refresh = function () {
    document.querySelectorAll("time[data-relative]").forEach(function (time) {
      var left = (new Date(time.dateTime) - Date.now()) / 1000;
      time.textContent = left > 0 ? "in " + roughly(left) : roughly(-left) + " ago";
    });
  };
  refresh();
  setInterval(refresh, 30000);
  var filter = document.querySelector(".filter");
  if (!filter) return;
  filter.hidden = false;
  filter.querySelector("input").addEventListener("input", function (event) {
    var words = event.target.value.toLowerCase().split(/\s+/);
    document.querySelectorAll("section").forEach(function (section) {
      var shown = 0;
      section.querySelectorAll("tbody tr").forEach(function (row) {
        var text = row.textContent.toLowerCase();
        row.hidden = !words.every(function (word) { return text.includes(word); });
        shown += row.hidden ? 0 : 1;
      });
      section.hidden = shown === 0;
    });
  });
})();
