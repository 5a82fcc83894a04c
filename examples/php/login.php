<?php
// A login and a logout, as PHP's manual has them.
session_start();
switch ($_GET['do'] ?? '') {
    case 'login':
        session_regenerate_id(true);
        $_SESSION['user'] = $_GET['user'];
        break;
    case 'logout':
        $_SESSION = [];
        session_destroy();
        break;
}
echo 'Hello ', htmlspecialchars($_SESSION['user'] ?? 'nobody'), ".\n";
